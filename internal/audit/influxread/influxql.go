package influxread

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	// chunkRows is how many rows the server puts into one line of its response.
	chunkRows = 5000
	// maxChunkBytes bounds such a line.
	maxChunkBytes = 16 << 20
)

// influxQL reads rows with InfluxQL. GROUP BY * separates series that differ in any
// tag, and returns all their tags.
func (r *Reader) influxQL(ctx context.Context, q query, each func(row) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the query if rows are left
	database, policy, named := strings.Cut(r.options.Bucket, "/")
	values := url.Values{
		"db": {database}, "epoch": {"ns"}, "chunked": {"true"}, "chunk_size": {strconv.Itoa(chunkRows)},
	}
	if named {
		values.Set("rp", policy)
	}
	form := url.Values{"q": {statement(q)}}
	response, err := r.send(ctx, http.MethodPost, "/query", values, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return r.refusal(response)
	}
	return readChunks(response.Body, q, each)
}

func statement(q query) string {
	fields := make([]string, len(q.fields))
	for i, name := range q.fields {
		fields[i] = identifier(name)
	}
	until := "<"
	if q.to == MaxNanos {
		until = "<="
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE time >= %d AND time %s %d GROUP BY *",
		strings.Join(fields, ", "), identifier(q.measurement), q.from, until, q.to)
}

var escapeIdentifier = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func identifier(name string) string { return `"` + escapeIdentifier.Replace(name) + `"` }

// chunk is one line of a response.
type chunk struct {
	Results []struct {
		Series []struct {
			Tags    map[string]string
			Columns []string
			Values  [][]integer
		}
		Partial bool
		Error   string
	}
	Error string
}

// integer is a whole number in JSON, or null.
type integer struct {
	n  int64
	ok bool
}

func (i *integer) UnmarshalJSON(text []byte) (err error) {
	if string(text) == "null" {
		*i = integer{}
		return nil
	}
	if i.n, err = strconv.ParseInt(string(text), 10, 64); err != nil {
		return fmt.Errorf("the value of a field is %.40s, not an integer", text)
	}
	i.ok = true
	return nil
}

// readChunks reads a response line by line. A response that ends early is an error: a
// server that is stopped can end it without one.
func readChunks(body io.Reader, q query, each func(row) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxChunkBytes)
	ended := false
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var c chunk
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("reading the response: %w", err)
		}
		if c.Error != "" {
			return said(c.Error)
		}
		for _, result := range c.Results {
			if result.Error != "" {
				return said(result.Error)
			}
			ended = !result.Partial
			for _, series := range result.Series {
				if err := readSeries(series.Tags, series.Columns, series.Values, q, each); err != nil {
					return err
				}
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("a line of the response is longer than %d MiB", maxChunkBytes>>20)
	case err != nil:
		return fmt.Errorf("reading the response: %w", err)
	case !ended:
		return errors.New("the response ends before the result is complete")
	}
	return nil
}

func readSeries(tags map[string]string, columns []string, values [][]integer, q query, each func(row) error) error {
	if len(columns) != len(q.fields)+1 || columns[0] != "time" {
		return fmt.Errorf("the response has the columns %q, not time and %q", columns, q.fields)
	}
	for _, v := range values {
		if len(v) != len(columns) || !v[0].ok || v[0].n == math.MinInt64 {
			return errors.New("the response has a row without a time")
		}
		for i, field := range v[1:] {
			if !field.ok {
				continue
			}
			if err := each(row{tags: tags, nanos: v[0].n, field: i, value: field.n}); err != nil {
				return err
			}
		}
	}
	return nil
}
