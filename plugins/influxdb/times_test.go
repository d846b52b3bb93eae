package influxdb

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestUnlikelyTimes breaks if a timestamp in another unit is not noticed, or if a
// plausible one is reported.
func TestUnlikelyTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))) // the clock of a bubble begins in 2000
		now := time.Now()
		const none = timeKind(-1)
		for _, test := range []struct {
			ns   int64
			want timeKind
		}{
			{now.Unix(), timeSeconds},
			{now.AddDate(-20, 0, 0).Unix(), timeSeconds},
			{now.UnixMilli(), timeMilliseconds},
			{1_700_000_000_123, timeMilliseconds},
			{now.UnixMicro(), timeMicroseconds},
			{0, timeEpoch},
			{7, timeEpoch},
			{now.UnixMilli() & math.MaxUint32, timeEpoch},
			{now.UnixNano() & math.MaxUint32, timeEpoch},
			{now.UnixNano(), none},
			{now.AddDate(-40, 0, 0).UnixNano(), none},
			{time.Date(1970, 6, 1, 0, 0, 0, 0, time.UTC).UnixNano(), none},
			{-1, none},
			{-now.Unix(), none},
			{math.MinInt64 + 2, none},
			{now.AddDate(0, 11, 0).UnixNano(), none},
			{now.AddDate(1, 1, 0).UnixNano(), timeFuture},
			{math.MaxInt64 - 1, timeFuture},
			{5 * now.UnixNano(), timeFuture},
		} {
			for _, text := range []bool{false, true} {
				var s unlikelyTimes
				s.begin()
				if text {
					s.checkDigits(fmt.Append(nil, test.ns), 3)
				} else {
					s.check(test.ns, 3)
				}
				for kind := range timeKinds {
					seen, want := s.seen[kind], int64(0)
					if kind == test.want {
						want = 1
					}
					if seen.points != want || want == 1 && (seen.ns != test.ns || seen.message != 3) {
						t.Errorf("%d (text %v): %s is %+v", test.ns, text, kind, seen)
					}
				}
			}
		}
	})
}

// TestUnlikelyTimesAreLoggedOnce breaks if points in 1970 are written without a
// warning, if each is logged, or if they are not written.
func TestUnlikelyTimesAreLoggedOnce(t *testing.T) {
	mapped := mapping(t, testConfig(), "m", `root.f = this.f`, `root = this.ms`)
	for name, test := range map[string]struct {
		conf    config
		content string // with %d for the time
	}{
		"lines":    {testConfig(), "m f=1i %d\nm f=1i 1700000000000000000"},
		"object":   {testConfig(), `{"measurement":"m","fields":{"f":1},"timestamp":%d}`},
		"mappings": {mapped, `{"f":1,"ms":%d}`},
	} {
		t.Run(name, func(t *testing.T) {
			fake := influxfake.New(influxfake.Options{})
			o, log := startOutput(t, test.conf, fake, nil)
			for i := range int64(3) {
				m := raw(fmt.Sprintf(test.content, 1_700_000_000_123+i))
				m.MetaSetMut("kafka_offset", 42+int(i))
				if err := o.WriteBatch(t.Context(), service.MessageBatch{m}); err != nil {
					t.Fatal(err)
				}
			}
			text := log.String()
			for _, want := range []string{"level=WARN", "the timestamp 1700000000123, which is 1970-01-01T00:28:20Z", "in milliseconds it would be 2023-11-14T22:13:20Z", "multiply by 1000000 in", "reason=milliseconds", "offset=42", "influxdb_unlikely_times"} {
				if strings.Count(text, want) != 1 {
					t.Errorf("%q is not logged once: %s", want, text)
				}
			}
			if stored := fake.Stored(); stored["m f=1i 1700000000123"] == 0 || stored["m f=1i 1700000000125"] == 0 {
				t.Errorf("stored: %v", stored)
			}
		})
	}
	t.Run("of sentiment_window", func(t *testing.T) {
		o, log := startOutput(t, testConfig(), influxfake.New(influxfake.Options{}), nil)
		for range 2 { // a warning for these must not be the one for others
			m := raw("m f=1i 1700000000000")
			m.MetaSetMut("tweets", 1)
			m.MetaSetMut("points", 1)
			if err := o.WriteBatch(t.Context(), service.MessageBatch{m}); err != nil {
				t.Fatal(err)
			}
		}
		if text := log.String(); strings.Contains(text, "level=WARN") {
			t.Errorf("it is advised what its own warning contradicts: %s", text)
		}
		if err := o.WriteBatch(t.Context(), service.MessageBatch{raw("m f=1i 1700000000000")}); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); strings.Count(text, "level=WARN") != 1 {
			t.Errorf("others are not warned of: %s", text)
		}
	})
	t.Run("counted", func(t *testing.T) {
		address, stop := influxfake.New(influxfake.Options{}).Listen()
		defer stop()
		metrics := newRecorder()
		recorded(t, metrics, "influxdb: { url: '"+address+"', org: org, bucket: bucket }")(
			func(ctx context.Context, produce service.MessageBatchHandlerFunc) {
				if err := produce(ctx, service.MessageBatch{raw("m f=1 1700000000\nm f=1 1700000001"), raw(lineOf(1)), raw("m f=1 9000000000000000000")}); err != nil {
					t.Error(err)
				}
			})
		if n := metrics.sums["influxdb_unlikely_times"]; n != 3 {
			t.Errorf("%d times are counted", n)
		}
	})
}
