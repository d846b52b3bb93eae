package influxdb

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

// keeps compares the bucket's retention with what a replay would write.
func (e *examination) keeps(ctx context.Context) doctor.Finding {
	keeps, err := e.retention(ctx, e.speaksV1(e.answer))
	switch {
	case err != nil:
		return doctor.Skipped("the retention of the bucket: %v", err)
	case keeps == 0:
		return doctor.OK("the bucket keeps points for ever")
	case e.conf.replay > 0 && keeps < e.conf.replay:
		return doctor.Failed("Lengthen the retention of the bucket, or lower replay_window: the output does not start.", "the bucket keeps points for %s, and replay_window is %s", keeps, e.conf.replay)
	}
	age, from, known := e.Replayed()
	switch {
	case age > keeps:
		return doctor.Warning("Lengthen the retention of the bucket, or shorten that of the topic. Set replay_window to have this checked at every start.",
			"the bucket keeps points for %s, and %s: older points would be rejected", keeps, from)
	case !known:
		return doctor.Skipped("the bucket keeps points for %s; what may be replayed is not known", keeps)
	}
	return doctor.OK("the bucket keeps points for %s, and %s", keeps, from)
}

// types compares the types of existing fields with those that the pipeline writes:
// InfluxDB rejects a point whose field has another type.
func (e *examination) types(ctx context.Context) doctor.Finding {
	if len(e.Written) == 0 {
		return doctor.Skipped("the messages determine the fields")
	}
	var seen []string
	for _, w := range e.Written {
		results, err := e.readQL(ctx, "SHOW FIELD KEYS FROM "+quoted(w.Measurement))
		if err != nil {
			return doctor.Skipped("asking for the fields of %s: %v", w.Measurement, err)
		}
		found := 0
		for _, result := range results {
			for _, series := range result.Series {
				for _, row := range series.Values {
					if len(row) < 2 {
						continue
					}
					found++
					name, kind := fmt.Sprint(row[0]), fmt.Sprint(row[1])
					if ours, written := w.Fields[name]; written && ours != kind {
						return doctor.Failed("Write to another measurement or an empty bucket. A field keeps its type until the shard with its points is deleted.",
							"the field %s of %s has the type %s, and the pipeline writes %s: InfluxDB would reject the points", name, w.Measurement, kind, ours)
					}
				}
			}
		}
		if found == 0 {
			seen = append(seen, w.Measurement+" has no fields yet")
		} else {
			seen = append(seen, w.Measurement+" has fields of the right types")
		}
	}
	return doctor.OK("%s", strings.Join(seen, ", "))
}

// Many series make InfluxDB slow and large; 1.x stops at a million in a database
// (max-series-per-database).
const manySeries = 800_000

func (e *examination) cardinality(ctx context.Context) doctor.Finding {
	results, err := e.readQL(ctx, "SHOW SERIES CARDINALITY")
	if err != nil {
		return doctor.Skipped("asking for the number of series: %v", err)
	}
	for _, result := range results {
		for _, series := range result.Series {
			if len(series.Values) == 0 || len(series.Values[0]) == 0 {
				continue
			}
			n, err := strconv.ParseFloat(fmt.Sprint(series.Values[0][0]), 64)
			if err != nil {
				continue
			}
			if n >= manySeries {
				return doctor.Warning("Find the tag with too many values (SHOW TAG VALUES CARDINALITY), and make it a field or drop it. 1.x rejects new series from a million on (max-series-per-database).",
					"the database has %.0f series", n)
			}
			return doctor.OK("the database has %.0f series", n)
		}
	}
	return doctor.Skipped("InfluxDB does not say how many series there are")
}

// readQL is influxQL in the database of the bucket. 2.x has InfluxQL too, and finds the
// bucket under the same name.
func (e *examination) readQL(ctx context.Context, statement string) ([]influxQLResult, error) {
	database, policy, named := strings.Cut(e.conf.bucket, "/")
	query := url.Values{"db": {database}, "q": {statement}}
	if named {
		query.Set("rp", policy)
	}
	return e.query(ctx, query)
}
