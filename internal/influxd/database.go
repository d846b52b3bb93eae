package influxd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api/query"
)

// Database is a bucket of a running InfluxDB, and how to reach it. Its methods are safe
// for use by several goroutines at once.
type Database struct {
	URL    string // http://HOST:PORT
	Org    string // ignored by 1.8
	Bucket string // in 1.8 a database
	Token  string // in 1.8 USER:PASSWORD; empty if none is needed

	client influxdb2.Client
}

// NewDatabase returns the bucket without contacting the server.
func NewDatabase(url, org, bucket, token string) *Database {
	// The client's own time limit would include the reading of a response, however
	// long. Callers have their context instead.
	options := influxdb2.DefaultOptions().SetHTTPRequestTimeout(uint(math.MaxInt32))
	return &Database{
		URL: url, Org: org, Bucket: bucket, Token: token,
		client: influxdb2.NewClientWithOptions(url, token, options),
	}
}

// Sibling returns another bucket of the same server, which must exist.
func (d *Database) Sibling(bucket string) *Database {
	sibling := *d
	sibling.Bucket = bucket
	return &sibling
}

// Close closes idle connections.
func (d *Database) Close() { d.client.Close() }

// Write posts lines of line protocol with nanosecond timestamps in one request. It
// returns an error unless all of them are stored.
func (d *Database) Write(ctx context.Context, lines []byte) error {
	query := url.Values{"org": {d.Org}, "bucket": {d.Bucket}, "precision": {"ns"}}
	if _, err := d.do(ctx, http.MethodPost, "/api/v2/write?"+query.Encode(), lines, http.StatusNoContent); err != nil {
		return fmt.Errorf("writing to %s: %w", d.Bucket, err)
	}
	return nil
}

// Row is one row of a query's result.
type Row struct {
	// Table is the number of the result table that the row belongs to.
	Table int
	// Values by column; see Value for their types.
	Values map[string]any
}

// Time returns a column's time, or the zero time if it has none.
func (r Row) Time(column string) time.Time {
	t, _ := r.Values[column].(time.Time)
	return t
}

// String returns a column's text, or "" if it has none.
func (r Row) String(column string) string {
	text, _ := r.Values[column].(string)
	return text
}

// Int returns a column's integer. ok is false for a null, which aggregateWindow returns
// for a window without points, and for any other type.
func (r Row) Int(column string) (n int64, ok bool) {
	n, ok = r.Values[column].(int64)
	return n, ok
}

// Each runs a Flux query and calls row for each row of its result as it arrives, so the
// result need not fit in memory. It stops at the first error of row and returns it.
//
// Values are string, int64, uint64, float64, bool, []byte, time.Time, time.Duration or
// nil.
func (d *Database) Each(ctx context.Context, flux string, row func(Row) error) error {
	result, err := d.client.QueryAPI(d.Org).Query(ctx, flux)
	if err != nil {
		return fmt.Errorf("querying InfluxDB: %w", withCause(ctx, err))
	}
	defer result.Close()
	for result.Next() {
		if err := row(rowOf(result.Record())); err != nil {
			return err
		}
	}
	if err := result.Err(); err != nil {
		return fmt.Errorf("reading the rows of a query: %w", withCause(ctx, err))
	}
	return nil
}

// withCause makes errors.Is recognise the end of the context, since the client joins
// some errors as text.
func withCause(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

func rowOf(record *query.FluxRecord) Row {
	return Row{Table: record.Table(), Values: record.Values()}
}

// Query returns all rows of a Flux query.
func (d *Database) Query(ctx context.Context, flux string) ([]Row, error) {
	var rows []Row
	err := d.Each(ctx, flux, func(row Row) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// do makes one request. A response with a status other than want is an error with the
// server's message.
func (d *Database) do(ctx context.Context, method, path string, body []byte, want int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, d.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if d.Token != "" {
		request.Header.Set("Authorization", "Token "+d.Token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the response to %s %s: %w", method, path, err)
	}
	if response.StatusCode != want {
		return nil, fmt.Errorf("%s %s returned %s: %s", method, path, response.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}
