package influxdb

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// Values of version.
const (
	versionAuto = "auto"
	versionV1   = "v1"
	versionV2   = "v2"
)

// endpoint has the address and the credentials.
type endpoint struct {
	base     *url.URL
	org      string
	token    string
	username string
	password string
	headers  map[string]string

	// v1 is true if points are written to /write. With version: auto it is detected at
	// start.
	v1 atomic.Bool
}

func newEndpoint(conf config) *endpoint {
	e := &endpoint{
		base: conf.url, org: conf.org,
		token: conf.token, username: conf.username, password: conf.password,
		headers: conf.headers,
	}
	e.v1.Store(conf.version == versionV1 || conf.username != "")
	return e
}

// write returns the address for points of a bucket.
func (e *endpoint) write(bucket string) string {
	query := url.Values{"precision": {"ns"}}
	if e.v1.Load() {
		database, policy, named := strings.Cut(bucket, "/")
		query.Set("db", database)
		if named {
			query.Set("rp", policy)
		}
		return e.at("/write", query)
	}
	query.Set("bucket", bucket)
	if e.org != "" {
		query.Set("org", e.org)
	}
	return e.at("/api/v2/write", query)
}

// at returns the address of a path of the server.
func (e *endpoint) at(path string, query url.Values) string {
	u := e.base.JoinPath(path)
	u.RawQuery = query.Encode()
	return u.String()
}

// sign sets the credentials of a request.
func (e *endpoint) sign(request *http.Request) {
	request.Header.Set("User-Agent", "brandpulse-connect")
	for name, value := range e.headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	switch {
	case e.username != "":
		request.SetBasicAuth(e.username, e.password)
	case e.token != "":
		request.Header.Set("Authorization", "Token "+e.token)
	}
}
