package influxfake

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Exchange is a question to a real InfluxDB and its answer, as recorded.
type Exchange struct {
	Name   string   `json:"name"`
	As     string   `json:"as"` // whose token: writer, reader, wrong or none
	Org    string   `json:"org,omitempty"`
	Bucket string   `json:"bucket,omitempty"`
	Points []string `json:"points,omitempty"` // {now} stands for the time of the request
	Answer Answer   `json:"answer"`
}

// Answer is what a server said, and how many of the points it has stored.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	Stored int               `json:"stored,omitempty"`
}

// Lines is the body of the request.
func (e Exchange) Lines(now time.Time) string {
	text := strings.Join(e.Points, "\n")
	return strings.ReplaceAll(text, "{now}", strconv.FormatInt(now.UnixNano(), 10))
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
