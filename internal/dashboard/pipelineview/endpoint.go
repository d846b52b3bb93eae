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
	// maxErrorBytes bounds what viewers see of an error: it may quote an answer.
	maxErrorBytes = 300
	// maxRedirects on the same server.
	maxRedirects = 3
)

// endpoint is a process with metrics. Its address may hold a user, a password or a
// key: viewers see its name, and nobody else is sent them.
type endpoint struct {
	url   string
	name  string // server and path
	http  *http.Client
	last  *scrape // the newest that came
	error error   // of the newest try
}

func newEndpoint(address string) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		shown := fmt.Sprintf(", not %q", address)
		if strings.ContainsAny(address, "@?") {
			shown = "; the one given is not shown, since it may hold a secret"
		}
		return nil, errors.New("the address of metrics must be like http://127.0.0.1:4195/metrics" + shown)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
	}
	name := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return &endpoint{
		url: u.String(), name: name.String(), error: errors.New("not asked yet"),
		http: &http.Client{Timeout: scrapeTimeout, CheckRedirect: sameServer},
	}, nil
}

// sameServer follows a redirect on the server that was asked, as one to another
// path, and none to another server, which nobody has named.
func sameServer(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case request.URL.Scheme != first.Scheme || request.URL.Host != first.Host:
		return fmt.Errorf("it answers with a redirect to another server, %s://%s, which is not followed: give --metrics the address where the metrics are", request.URL.Scheme, request.URL.Host)
	case len(via) > maxRedirects:
		return fmt.Errorf("it answers with more than %d redirects", maxRedirects)
	}
	return nil
}

// problem is why the newest try has failed, as viewers may see it; empty if it has
// not.
func (e *endpoint) problem() string {
	if e.error == nil {
		return ""
	}
	text := e.error.Error()
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
		return nil, fmt.Errorf("it answers %s", response.Status)
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
