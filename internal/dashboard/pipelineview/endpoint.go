package pipelineview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// scrapeTimeout is how long a pipeline may take to give its metrics.
	scrapeTimeout = 2 * time.Second
	// maxScrapeBytes bounds them.
	maxScrapeBytes = 8 << 20
	// maxErrorBytes limits the error that viewers see: it may quote the response.
	maxErrorBytes = 300
	// maxRedirects limits redirects on the same server.
	maxRedirects = 3
)

// endpoint is a process with metrics. Its address may contain a user, a password or a
// key, so viewers see only its name, and no other server receives them.
type endpoint struct {
	address string // as given
	ended   bool   // finished as planned
	url     string
	name    string // scheme, host and path
	http    *http.Client
	last    *scrape // the newest that came
	cores   float64 // in use between the last two; unknown without process metrics
	contact
}

// contact is how asking a process or a broker goes.
type contact struct {
	error error     // of the newest try
	since time.Time // when the tries began to fail; zero while they do not
}

func newEndpoint(address string) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		shown := fmt.Sprintf(", not %q", address)
		if strings.ContainsAny(address, "@?") {
			shown = "; yours is not printed, since it may contain a secret"
		}
		return nil, errors.New("the address of metrics must be like http://127.0.0.1:4195/metrics" + shown)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
	}
	name := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return &endpoint{
		address: address, url: u.String(), name: name.String(), contact: contact{error: errors.New("not read yet")}, cores: unknown,
		http: &http.Client{Timeout: scrapeTimeout, CheckRedirect: sameServer},
	}, nil
}

// sameServer allows redirects to another path of the same server, and refuses those to
// other servers, which the user has not named.
func sameServer(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case request.URL.Scheme != first.Scheme || request.URL.Host != first.Host:
		return fmt.Errorf("it redirects to another server, %s://%s, which is not followed: set --metrics to the address of the metrics themselves", request.URL.Scheme, request.URL.Host)
	case len(via) > maxRedirects:
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	}
	return nil
}

// note records how a try went that began at a time.
func (c *contact) note(err error, begin time.Time) {
	c.error = err
	switch {
	case err == nil:
		c.since = time.Time{}
	case c.since.IsZero():
		c.since = begin
	}
}

// problem returns the error of the latest scrape as viewers may see it, or "".
func (c *contact) problem() string {
	if c.error == nil {
		return ""
	}
	text := c.error.Error()
	if len(text) > maxErrorBytes {
		text = strings.ToValidUTF8(text[:maxErrorBytes], "") + "…"
	}
	return text
}

func (e *endpoint) scrape(ctx context.Context, now func() time.Time) (*scrape, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := e.http.Do(request)
	if err != nil {
		// The error would hold the whole address.
		if whole := (*url.Error)(nil); errors.As(err, &whole) {
			err = whole.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it responded %s", response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(response.Body, maxScrapeBytes))
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	s := pick(families)
	s.at = now()
	return s, nil
}
