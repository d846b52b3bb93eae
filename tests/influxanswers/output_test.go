package influxanswers_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

// TestEveryGoodPointIsStored breaks if in front of a real server a refused point
// takes others along, or is not found.
func TestEveryGoodPointIsStored(t *testing.T) {
	testenv.EachInflux(t, influxd.V1, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		const points = 5000
		var (
			batches []service.MessageBatch
			lines   []string
			want    = map[string]string{} // time → value
			bad     []string
		)
		for i := range points {
			at := strconv.Itoa(1_700_000_000_000_000_000 + i)
			line := "exact,t=v f=" + strconv.Itoa(i) + "i " + at
			switch {
			case i%997 == 500: // a type other than the field's
				line = "exact,t=v f=0.5 " + at
				bad = append(bad, line)
			case i%1499 == 700:
				line = "exact,t=v f=nonsense " + at
				bad = append(bad, line)
			default:
				want[at] = strconv.Itoa(i)
			}
			if lines = append(lines, line); len(lines) == 250 {
				batches = append(batches, service.MessageBatch{service.NewMessage([]byte(strings.Join(lines, "\n")))})
				lines = nil
			}
		}
		// The first message sets the type of the field: 1.8 stores nothing of a request
		// with both.
		influxstream.Write(t, db, "", batches[:1])
		rejected := influxstream.Write(t, db, "", batches)
		got := map[string]string{}
		err := db.Each(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == "exact")`, db.Bucket), func(row influxd.Row) error {
			n, _ := row.Int("_value")
			got[strconv.FormatInt(row.Time("_time").UnixNano(), 10)] = strconv.FormatInt(n, 10)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d points are stored, want %d", len(got), len(want))
		}
		slices.Sort(bad)
		if len(rejected) != len(bad) {
			t.Fatalf("rejected %q, want %q", rejected, bad)
		}
		for i, line := range bad {
			if !strings.HasPrefix(rejected[i], line+" | ") {
				t.Errorf("rejected %q, want %q", rejected[i], line)
			}
		}
	})
}

// If this fails, an accepted name or text is stored where no query finds it, or as
// something else.
func TestOddNamesComeBack(t *testing.T) {
	testenv.EachInflux(t, influxd.V1, func(t *testing.T, version string) {
		db := testenv.Influx(t, version)
		odd := []string{"a b", "a,b", "a=b", `a"b"c`, `a\b`, `C:\dir\file`, `\\server\share`, "#a", "é ü 中 🙂", "'", "a\tb", "tags ,=\""}
		// Without a carriage return, which the CSV of a Flux query drops.
		text := "line one\nline \"two\"\\ =,three\n\t\U0001F642\\"
		type stored struct{ measurement, tag, field, value string }
		want := map[stored]bool{}
		var batches []service.MessageBatch
		for i, name := range odd {
			measurement := name
			if strings.HasPrefix(name, "#") {
				measurement = "a" + name
			}
			m := service.NewMessage(nil)
			m.SetStructured(map[string]any{
				"measurement": measurement, "timestamp": int64(1_700_000_000_000_000_000 + i),
				"tags": map[string]any{"tag " + name: name}, "fields": map[string]any{name: text},
			})
			batches = append(batches, service.MessageBatch{m})
			want[stored{measurement, name, name, text}] = true
		}
		if rejected := influxstream.Write(t, db, "", batches); rejected != nil {
			t.Errorf("rejected: %q", rejected)
		}
		got := map[stored]bool{}
		err := db.Each(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z)`, db.Bucket), func(row influxd.Row) error {
			for column := range row.Values {
				if strings.HasPrefix(column, "tag ") && row.String(column) != "" {
					if column != "tag "+row.String(column) {
						t.Errorf("tag %q has the value %q", column, row.String(column))
					}
					got[stored{row.String("_measurement"), row.String(column), row.String("_field"), row.String("_value")}] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for point := range want {
			if !got[point] {
				t.Errorf("missing: %q", point)
			}
			delete(got, point)
		}
		for point := range got {
			t.Errorf("unknown: %q", point)
		}
	})
}
