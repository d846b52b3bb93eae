package influxread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api"
)

// maxLineBytes bounds a line of a Flux response. InfluxDB limits tags to 64 KiB.
const maxLineBytes = 1 << 20

// flux reads rows with Flux.
func (r *Reader) flux(ctx context.Context, q query, each func(row) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the query if rows are left
	body, err := json.Marshal(map[string]any{
		"query": script(r.options.Bucket, q), "type": "flux",
		"dialect": map[string]any{"annotations": []string{"datatype", "group", "default"}, "header": true},
	})
	if err != nil {
		return err
	}
	response, err := r.send(ctx, http.MethodPost, "/api/v2/query", url.Values{"org": {r.options.Org}}, "application/json", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return r.refusal(response)
	}
	return readTables(response.Body, q, each)
}

// Names of the two results of a query for points with brands.
const (
	resultPlain   = "plain"
	resultEscaped = "escaped"
)

// script returns the query for a range. Flux's CSV writer drops carriage returns, so
// the brand "a\rb" would arrive as "ab". A second result therefore holds the brands
// with a carriage return, escaped by the server. Both filters are evaluated by
// InfluxDB's index, where a point without a brand counts as one with an empty brand,
// so only the few matching rows are mapped one by one.
func script(bucket string, q query) string {
	fields := make([]string, len(q.fields))
	for i, name := range q.fields {
		fields[i] = "r._field == " + text(name)
	}
	points := func(condition, change string) string {
		// Repeated for each result: the filter of a source that two results share is
		// evaluated row by row instead of by the index.
		return fmt.Sprintf(`from(bucket: %s)
  |> range(start: time(v: %d), stop: time(v: %d))
  |> filter(fn: (r) => r._measurement == %s and (%s)%s)%s
  |> drop(columns: ["_start", "_stop", "_measurement"])`,
			text(bucket), q.from, q.to, text(q.measurement), strings.Join(fields, " or "), condition, change)
	}
	if !q.brands {
		return points("", "")
	}
	const escape = `
  |> map(fn: (r) => ({r with brand: strings.replaceAll(v: strings.replaceAll(v: r.brand, t: "\\", u: "\\\\"), t: "\r", u: "\\r")}))`
	return fmt.Sprintf("import \"strings\"\n%s\n  |> yield(name: %q)\n%s\n  |> yield(name: %q)",
		points(` and r.brand !~ /\r/`, ""), resultPlain, points(` and r.brand =~ /\r/`, escape), resultEscaped)
}

// unescape reverses the escaping in script.
var unescape = strings.NewReplacer(`\\`, `\`, `\r`, "\r")

var escapeText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", `\${`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// text is a string literal of Flux.
func text(s string) string { return `"` + escapeText.Replace(s) + `"` }

// readTables reads the tables of a response, one per series and field.
func readTables(body io.ReadCloser, q query, each func(row) error) error {
	tables := api.NewQueryTableResult(&boundedLines{ReadCloser: body})
	defer tables.Close()
	var current row
	table, result := -1, ""
	for tables.Next() {
		record := tables.Record()
		if record == nil { // the client reads a single annotation as a row
			return errors.New("the response is not one of Flux")
		}
		if tables.TableChanged() || record.Table() != table || record.Result() != result {
			table, result = record.Table(), record.Result()
			current.tags = map[string]string{}
			for name, value := range record.Values() {
				if name == "result" || name == "table" || strings.HasPrefix(name, "_") {
					continue
				}
				tag, ok := value.(string)
				if !ok && value != nil {
					return fmt.Errorf("the response has a column %s that is not a tag", strconv.Quote(name))
				}
				if name == tagBrand && result == resultEscaped {
					tag = unescape.Replace(tag)
				}
				if tag != "" {
					current.tags[name] = tag
				}
			}
			if current.field = slices.Index(q.fields, record.Field()); current.field < 0 {
				return fmt.Errorf("the response has the field %q, which was not requested", record.Field())
			}
		}
		at, ok := record.ValueByKey("_time").(time.Time)
		if !ok {
			return errors.New("the response has a row without a time")
		}
		current.nanos = at.UnixNano()
		switch value := record.Value().(type) {
		case int64:
			current.value = value
		case uint64: // if the field is unsigned in the bucket
			current.value, ok = int64(value), value <= math.MaxInt64
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("the value of the field %s is %v (%T), not an integer that fits in 64 bits", record.Field(), record.Value(), record.Value())
		}
		if err := each(current); err != nil {
			return err
		}
	}
	return tables.Err()
}

// boundedLines returns an error for a line that is too long to belong to a table, since
// the CSV reader would keep it in memory.
type boundedLines struct {
	io.ReadCloser
	line int
}

func (b *boundedLines) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	for _, c := range p[:n] {
		if b.line++; c == '\n' {
			b.line = 0
		}
	}
	if b.line > maxLineBytes {
		return 0, fmt.Errorf("a line of the response is longer than %d bytes", maxLineBytes)
	}
	return n, err
}
