// Package line reads the lines of InfluxDB's line protocol that dead letters of rejected
// points are: which point a line is, so that it is known again, and its count.
package line

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// Point is what a line writes. InfluxDB replaces a point with equal measurement, tags and
// time.
type Point struct {
	Measurement string            `json:"measurement"`
	Tags        map[string]string `json:"tags,omitempty"`
	Time        int64             `json:"time"` // ns since the Unix epoch
	// Count is the field of this name, nil if there is none or it is not a whole number.
	Count *int64 `json:"count,omitempty"`
}

// Parse reads bytes that are one line with a time. Without one, InfluxDB would use its
// own clock, and each time it is written the line would be another point.
func Parse(b []byte) (Point, error) {
	lines := lineprotocol.NewDecoderWithBytes(b)
	if !lines.Next() {
		return Point{}, errors.New("there is no line")
	}
	p, err := parsed(lines)
	if err != nil {
		return Point{}, err
	}
	if lines.Next() {
		return Point{}, errors.New("there is more than one line")
	}
	return p, lines.Err()
}

func parsed(lines *lineprotocol.Decoder) (p Point, err error) {
	name, err := lines.Measurement()
	if err != nil {
		return p, fmt.Errorf("reading the measurement: %w", err)
	}
	p.Measurement, p.Tags = string(name), map[string]string{}
	for {
		key, value, err := lines.NextTag()
		if err != nil {
			return p, fmt.Errorf("reading a tag: %w", err)
		}
		if key == nil {
			break
		}
		p.Tags[string(key)] = string(value)
	}
	for {
		key, value, err := lines.NextField()
		if err != nil {
			return p, fmt.Errorf("reading a field: %w", err)
		}
		if key == nil {
			break
		}
		if string(key) == "count" {
			p.Count = whole(value)
		}
	}
	text, err := lines.TimeBytes()
	if err != nil {
		return p, fmt.Errorf("reading the time: %w", err)
	}
	if p.Time, err = strconv.ParseInt(string(text), 10, 64); err != nil {
		return p, errors.New("it has no time")
	}
	return p, nil
}

func whole(v lineprotocol.Value) *int64 {
	var n int64
	switch {
	case v.Kind() == lineprotocol.Int:
		n = v.IntV()
	case v.Kind() == lineprotocol.Uint && v.UintV() <= math.MaxInt64:
		n = int64(v.UintV())
	default:
		return nil
	}
	return &n
}

// Identity returns a text that two points share only if InfluxDB would keep one of them.
func (p Point) Identity() string {
	var text strings.Builder
	text.WriteString(strconv.Quote(p.Measurement))
	for _, name := range slices.Sorted(maps.Keys(p.Tags)) {
		if p.Tags[name] != "" { // InfluxDB ignores a tag without a value
			fmt.Fprintf(&text, ",%q=%q", name, p.Tags[name])
		}
	}
	return text.String() + " " + strconv.FormatInt(p.Time, 10)
}

// Hash returns a hash of bytes, as text.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
