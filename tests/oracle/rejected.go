package oracle

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rejected separates the letters with rejected points from the others, and adds up
// their counts, each point once. A point that is not in coverage, which lists the
// record batches, is an error.
func Rejected(letters []Letter, coverage Coverage) (others []Letter, counts Counts, err error) {
	type place struct {
		partition int32
		base      int64
	}
	batches := map[place]bool{}
	for _, s := range coverage {
		batches[place{s.Partition, s.Base}] = true
	}
	counts = Counts{}
	seen := map[string]bool{}
	for _, l := range letters {
		if l.Reason != "rejected" {
			others = append(others, l)
			continue
		}
		if !batches[place{l.Partition, l.Offset}] {
			return nil, nil, fmt.Errorf("a rejected point belongs to offset %d of partition %d, where no record batch begins: %s", l.Offset, l.Partition, l.Value)
		}
		for line := range bytes.Lines(l.Value) {
			key, n, err := readPoint(string(bytes.TrimSuffix(line, []byte("\n"))))
			if err != nil {
				return nil, nil, fmt.Errorf("the dead letter %q: %w", line, err)
			}
			if !seen[string(line)] {
				counts[key] += n
			}
			seen[string(line)] = true
		}
	}
	return others, counts, nil
}

// readPoint reads a line of line protocol of the measurement tweets:
//
//	tweets,brand=Tea\ Time,sentiment=neutral count=3i 1700000000000000643
func readPoint(line string) (Key, int64, error) {
	series, rest := untilUnescaped(line, ' ')
	fields, stamp := untilUnescaped(rest, ' ')
	nanos, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return Key{}, 0, fmt.Errorf("the timestamp is %q", stamp)
	}
	digits, isCount := strings.CutPrefix(fields, "count=")
	digits, isInteger := strings.CutSuffix(digits, "i")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !isCount || !isInteger {
		return Key{}, 0, fmt.Errorf("the fields are %q", fields)
	}
	measurement, tags := untilUnescaped(series, ',')
	if measurement != "tweets" {
		return Key{}, 0, fmt.Errorf("the measurement is %q", measurement)
	}
	key := Key{Second: time.Unix(0, nanos).Unix()} // rounds down, also before 1970
	for tags != "" {
		var tag string
		tag, tags = untilUnescaped(tags, ',')
		name, value := untilUnescaped(tag, '=')
		switch value = unescape.Replace(value); name {
		case "brand":
			key.Brand = value
		case "sentiment":
			key.Sentiment = value
		default:
			return Key{}, 0, fmt.Errorf("it has the tag %q", name)
		}
	}
	return key, n, nil
}

var unescape = strings.NewReplacer(`\,`, `,`, `\=`, `=`, `\ `, ` `)

// untilUnescaped splits at the first separator without a backslash before it.
func untilUnescaped(text string, separator byte) (before, after string) {
	for i := range len(text) {
		if text[i] == separator && (i == 0 || text[i-1] != '\\') {
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}
