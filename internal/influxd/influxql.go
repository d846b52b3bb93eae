package influxd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// SumBy returns the sums of an integer field for each value of a tag. It asks in
// InfluxQL, which 1.8 has with and without Flux.
func (d *Database) SumBy(ctx context.Context, measurement, field, tag string) (map[string]int64, error) {
	query := fmt.Sprintf(`SELECT sum(%q) FROM %q GROUP BY %q`, field, measurement, tag)
	all, err := d.influxQL(ctx, query)
	if err != nil {
		return nil, err
	}
	sums := map[string]int64{}
	for _, s := range all {
		if len(s.Values) != 1 || len(s.Values[0]) != 2 { // the time, the sum
			return nil, fmt.Errorf("running %q: %d rows, not one with a time and a sum", query, len(s.Values))
		}
		sum, err := s.Values[0][1].Int64()
		if err != nil {
			return nil, fmt.Errorf("running %q: reading a sum: %w", query, err)
		}
		sums[s.Tags[tag]] = sum
	}
	return sums, nil
}

// series is a part of a response in InfluxQL.
type series struct {
	Tags   map[string]string
	Values [][]json.Number
}

// influxQL runs a statement in InfluxQL. An error of the statement has status 200 and
// is in the body.
func (d *Database) influxQL(ctx context.Context, statement string) (all []series, err error) {
	values := url.Values{"db": {d.Bucket}, "epoch": {"ns"}, "q": {statement}}
	body, err := d.do(ctx, http.MethodPost, "/query?"+values.Encode(), nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results []struct {
			Error  string
			Series []series
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading the response to %q: %w", statement, err)
	}
	for _, result := range answer.Results {
		if result.Error != "" {
			err = errors.Join(err, fmt.Errorf("running %q: %s", statement, result.Error))
		}
		all = append(all, result.Series...)
	}
	return all, err
}

// statement runs a statement without a result.
func (d *Database) statement(ctx context.Context, statement string) error {
	_, err := d.influxQL(ctx, statement)
	return err
}
