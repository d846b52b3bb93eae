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

// Exchange is a question to an InfluxDB and its answer, as recorded, or as it is
// documented.
type Exchange struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind,omitempty"`     // what the question is about
	Endpoint string   `json:"endpoint,omitempty"` // the path; empty: /api/v2/write
	Method   string   `json:"method,omitempty"`   // empty: POST
	As       string   `json:"as,omitempty"`       // whose credentials: writer, reader, wrong or none; of 2.x's own for v1: v1 writer, v1 reader, v1 wrong
	Auth     string   `json:"auth,omitempty"`     // how they are told: basic, bearer or query; empty: Authorization: Token
	Org      string   `json:"org,omitempty"`
	Bucket   string   `json:"bucket,omitempty"`
	DB       string   `json:"db,omitempty"` // of /write
	RP       string   `json:"rp,omitempty"` // of /write
	Encoding string   `json:"encoding,omitempty"`
	Points   []string `json:"points,omitempty"` // with placeholders, see Lines
	Source   string   `json:"source,omitempty"` // where it is documented; empty: a server has said it
	Answer   Answer   `json:"answer"`
}

// Values of Encoding besides none.
const (
	EncodingGzip     = "gzip"
	EncodingNoGzip   = "not gzip" // Content-Encoding says gzip and the body is not
	EncodingCutGzip  = "gzip, cut off"
	EncodingBadCheck = "gzip, wrong checksum"
)

// Answer is what a server said, and how many of the points it has stored.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	// Stored is how many points of the first point's measurement the bucket
	// holds afterwards, those of earlier questions included.
	Stored int `json:"stored,omitempty"`
	// Stores is what is documented about that: all, the rest or nothing.
	Stores string `json:"stores,omitempty"`
}

// Path is where the question goes.
func (e Exchange) Path() string {
	if e.Endpoint == "" {
		return "/api/v2/write"
	}
	return e.Endpoint
}

// Lines is the body of the request. In the points, {now}, {now-3h} and {now+1ns}
// stand for times as nanoseconds, {5 x} for xxxxx.
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

// Expand writes out what Fold has shortened.
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

// Measurement is that of the first point, empty without one.
func (e Exchange) Measurement() string {
	if len(e.Points) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(e.Points[0], " ")
	name, _, _ = strings.Cut(name, ",")
	return name
}

// ReadExchanges reads a file of them.
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
