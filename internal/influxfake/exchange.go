package influxfake

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Exchange is a request to an InfluxDB and its response, as recorded or as documented.
type Exchange struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind,omitempty"`     // subject of the request
	Endpoint string   `json:"endpoint,omitempty"` // the path; empty: /api/v2/write
	Method   string   `json:"method,omitempty"`   // empty: POST
	As       string   `json:"as,omitempty"`       // whose credentials: writer, reader, wrong or none; those of 2.x for its v1 API: v1 writer, v1 reader, v1 wrong
	Auth     string   `json:"auth,omitempty"`     // how they are sent: basic, bearer or query; empty: Authorization: Token
	Org      string   `json:"org,omitempty"`
	Bucket   string   `json:"bucket,omitempty"`
	DB       string   `json:"db,omitempty"` // of /write
	RP       string   `json:"rp,omitempty"` // of /write
	Encoding string   `json:"encoding,omitempty"`
	Points   []string `json:"points,omitempty"` // with placeholders, see Lines
	Source   string   `json:"source,omitempty"` // source, if documented; empty: recorded from a server
	Answer   Answer   `json:"answer"`
}

// Values of Encoding, besides none.
const (
	EncodingGzip     = "gzip"
	EncodingNoGzip   = "not gzip" // Content-Encoding is gzip but the body is not
	EncodingCutGzip  = "gzip, truncated"
	EncodingBadCheck = "gzip, wrong checksum"
)

// Answer is the response of a server, and how many of the points it has stored.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	// Stored is how many points of the first point's measurement the bucket has
	// afterwards, including those of earlier requests.
	Stored int `json:"stored,omitempty"`
	// Stores is the documentation of that: all, the rest or nothing.
	Stores string `json:"stores,omitempty"`
}

// Path returns the path of the request.
func (e Exchange) Path() string {
	if e.Endpoint == "" {
		return "/api/v2/write"
	}
	return e.Endpoint
}

// Lines returns the body of the request. In the points, {now}, {now-3h} and {now+1ns}
// stand for times in nanoseconds, {5 x} for xxxxx.
func (e Exchange) Lines(now time.Time) string {
	text := Expand(strings.Join(e.Points, "\n"))
	return placeholder.ReplaceAllStringFunc(text, func(s string) string {
		at := now
		if shift := s[len("{now") : len(s)-1]; shift != "" {
			d, err := time.ParseDuration(shift)
			if err != nil {
				return s
			}
			at = now.Add(d)
		}
		return strconv.FormatInt(at.UnixNano(), 10)
	})
}

var (
	placeholder = regexp.MustCompile(`\{now([+-][0-9a-z]+)?\}`)
	repeated    = regexp.MustCompile(`\{[0-9]{1,8} x\}`)
	long        = regexp.MustCompile(`x{200,}`)
)

// Expand reverses Fold.
func Expand(s string) string {
	return repeated.ReplaceAllStringFunc(s, func(s string) string {
		n, _ := strconv.Atoi(s[1 : len(s)-len(" x}")])
		return strings.Repeat("x", n)
	})
}

// Fold shortens runs of the letter x, which long questions are made of, to {5 x}.
func Fold(s string) string {
	return long.ReplaceAllStringFunc(s, func(s string) string { return fmt.Sprintf("{%d x}", len(s)) })
}

// Measurement returns the measurement of the first point, or "" if there is none.
func (e Exchange) Measurement() string {
	if len(e.Points) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(e.Points[0], " ")
	name, _, _ = strings.Cut(name, ",")
	return name
}

// ReadExchanges reads a file of exchanges.
func ReadExchanges(path string) ([]Exchange, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var exchanges []Exchange
	if err := json.Unmarshal(content, &exchanges); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return exchanges, nil
}
