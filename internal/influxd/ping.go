package influxd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Ping returns an error if no server responds at the address, or a server that cannot
// be InfluxDB. A gateway may hide every sign of InfluxDB, so an error needs proof: the
// path of queries is unknown or a web page, without InfluxDB's headers or JSON. The
// path /ping alone proves nothing, since Benthos has it too.
func (d *Database) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ping, err := d.probe(ctx, http.MethodGet, "/ping")
	if err != nil {
		return err
	}
	if fromInflux(ping) || ping.code >= 500 || ping.code == http.StatusUnauthorized || ping.code == http.StatusForbidden {
		return nil
	}
	query, err := d.probe(ctx, http.MethodPost, "/api/v2/query?"+url.Values{"org": {d.Org}}.Encode())
	if err != nil || fromInflux(query) || json.Valid(query.body) {
		return nil // nothing proves that it is another server
	}
	noSuchPath := slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, query.code)
	page := query.code < 400 && strings.HasPrefix(query.header.Get("Content-Type"), "text/html")
	if !noSuchPath && !page {
		return nil
	}
	return fmt.Errorf("the server there is not InfluxDB: it responded %s to POST /api/v2/query, without a header of InfluxDB", query.status)
}

// fromInflux reports whether a response has a header that only InfluxDB sets.
func fromInflux(r probed) bool {
	for _, name := range []string{"X-Influxdb-Version", "X-Influxdb-Build", "X-Influxdb-Error", "X-Platform-Error-Code"} {
		if r.header.Get(name) != "" {
			return true
		}
	}
	return false
}

// probed is a response, with the start of its body.
type probed struct {
	code   int
	status string
	header http.Header
	body   []byte
}

// probe sends an empty request without the token.
func (d *Database) probe(ctx context.Context, method, path string) (probed, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(d.URL, "/")+path, http.NoBody)
	if err != nil {
		return probed{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err // without the address, which the caller adds
	}
	if err != nil {
		return probed{}, err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return probed{response.StatusCode, response.Status, response.Header, body}, nil
}
