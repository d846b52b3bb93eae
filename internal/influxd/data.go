package influxd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"
)

// Write posts lines of line protocol with nanoseconds to a bucket, in one
// request. Whatever is not stored whole is an error.
func (s *Server) Write(ctx context.Context, bucket string, lines []byte) error {
	query := url.Values{"org": {s.Org}, "bucket": {bucket}, "precision": {"ns"}}
	if err := s.call(ctx, http.MethodPost, "/api/v2/write?"+query.Encode(), lines, http.StatusNoContent); err != nil {
		return fmt.Errorf("writing to %s: %w", bucket, err)
	}
	return nil
}

// Row is one row of a query's result.
type Row struct {
	// Table tells rows of one result table from those of others.
	Table int
	// Values by column; see Value for their types.
	Values map[string]any
}

// Time gives a column's time; the zero time when it has none.
func (r Row) Time(column string) time.Time {
	t, _ := r.Values[column].(time.Time)
	return t
}

// String gives a column's text; empty when it has none.
func (r Row) String(column string) string {
	text, _ := r.Values[column].(string)
	return text
}

// Int gives a column's integer. ok is false for a null, which aggregateWindow
// makes of a window without points, and for any other type.
func (r Row) Int(column string) (n int64, ok bool) {
	n, ok = r.Values[column].(int64)
	return n, ok
}

// Each runs a Flux query and calls row for each row of its result as it
// arrives, so that the result need not fit in memory. It ends early with the
// error of row.
//
// Values are string, int64, uint64, float64, bool, []byte, time.Time,
// time.Duration or nil.
func (s *Server) Each(ctx context.Context, flux string, row func(Row) error) error {
	result, err := s.client.QueryAPI(s.Org).Query(ctx, flux)
	if err != nil {
		return fmt.Errorf("querying InfluxDB: %w", err)
	}
	defer result.Close()
	for result.Next() {
		if err := row(rowOf(result.Record())); err != nil {
			return err
		}
	}
	if err := result.Err(); err != nil {
		return fmt.Errorf("reading the rows of a query: %w", err)
	}
	return nil
}

func rowOf(record *query.FluxRecord) Row {
	return Row{Table: record.Table(), Values: record.Values()}
}

// Query gives all rows of a Flux query at once.
func (s *Server) Query(ctx context.Context, flux string) ([]Row, error) {
	var rows []Row
	err := s.Each(ctx, flux, func(row Row) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}
