package sentimentwindow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const fewSlots = batches + "max_partitions: 1000000\noffsets_per_window: 1000\n"

func batchAt(t testing.TB, base, millis int64) *service.Message {
	t.Helper()
	return batchMessage(t, "tweets", 0, recordbatch.Header{BaseOffset: base, ProducerID: -1}, recordAt(base, datum("Tea", tweet.Positive, millis), millis))
}

// What would break: of 20,000 tweets of one second 1,000 were stored, without a
// word.
func TestPointsThatReplaceEachOtherAreNotSilent(t *testing.T) {
	const second = 1_700_000_000_000
	for _, c := range []struct {
		name     string
		bases    []int64
		share    float64
		replaced bool
		level    string
	}{
		{"near each other", []int64{5000, 5499}, 0.499, false, ""},
		{"half of the slots apart", []int64{5000, 5500}, 0.5, false, "WARN"},
		{"the last slot", []int64{5000, 5999}, 0.999, false, "WARN"},
		{"S apart", []int64{5000, 6000}, 1, true, "ERROR"},
		{"S apart, the later one first", []int64{6000, 5000}, 1, true, "ERROR"},
		{"more than S apart", []int64{5000, 6001}, 1.001, false, "ERROR"}, // the one between them would
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			p := loggedProcessor(t, fewSlots, &out)
			stored := map[string]bool{}
			for _, base := range c.bases {
				points, _ := process(t, p, batchAt(t, base, second))
				line := lines(t, points)[0]
				stored[line] = true
			}
			if (len(stored) < len(c.bases)) != c.replaced {
				t.Errorf("InfluxDB has %d points of %d, want one less to be %t", len(stored), len(c.bases), c.replaced)
			}
			if p.spans.shown != c.share {
				t.Errorf("the metric says %g, want %g", p.spans.shown, c.share)
			}
			log := out.String()
			if c.level == "" && log != "" || !strings.Contains(log, c.level) {
				t.Errorf("want the level %q in the log:\n%s", c.level, log)
			}
			if c.level != "" && (!strings.Contains(log, "partition 0 of tweets") || !strings.Contains(log, fieldMaxPartitions) || !strings.Contains(log, "1000")) {
				t.Errorf("the log does not name partition, S and setting:\n%s", log)
			}
		})
	}
}

// Tweets have slots of their own offsets.
func TestSlotsOfTweetsAreWatched(t *testing.T) {
	var out bytes.Buffer
	p := loggedProcessor(t, "emit: tweets\nresolution: 1ms\noffsets_per_window: 15625", &out)
	process(t, p, kafkaMessage("tweets", 3, 0, datum("Tea", tweet.Positive, 5)), kafkaMessage("tweets", 3, 7, datum("Tea", tweet.Positive, 6)),
		kafkaMessage("tweets", 3, 15_624, datum("Tea", tweet.Positive, 5)), kafkaMessage("tweets", 4, 15_625, datum("Tea", tweet.Positive, 5)))
	if want := 15_624.0 / 15_625; p.spans.shown != want {
		t.Errorf("the metric says %g, want %g", p.spans.shown, want)
	}
	process(t, p, kafkaMessage("tweets", 3, 15_625, datum("Tea", tweet.Positive, 5)))
	if p.spans.shown != 1 || !strings.Contains(out.String(), "ERROR") {
		t.Errorf("the metric says %g, the log\n%s", p.spans.shown, &out)
	}
}

// Coverage points have a second each, whatever the window is.
func TestSlotsOfCoveragePointsAreWatched(t *testing.T) {
	var out bytes.Buffer
	p := loggedProcessor(t, batches+"window: 1h\nmax_partitions: 100000\noffsets_per_window: 10000", &out)
	process(t, p, batchAt(t, 0, -1001), batchAt(t, 10_000, -2000)) // in Kafka, a second later
	if p.spans.shown != 1 || !strings.Contains(out.String(), "second of coverage points at 1969-12-31T23:59:59Z") {
		t.Errorf("the metric says %g, the log\n%s", p.spans.shown, &out)
	}
}

// Where the metric stays below 1, no two points share series and timestamp.
func TestPointsDifferWhileSlotsLast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := loggedProcessor(t, fewSlots, new(bytes.Buffer))
		seen, bases := map[string]int64{}, map[int64]bool{}
		var replaced bool
		for range rapid.IntRange(2, 30).Draw(rt, "batches") {
			base := rapid.Int64Range(0, 2500).Draw(rt, "base")
			if bases[base] {
				continue
			}
			bases[base] = true
			points, _ := process(t, p, batchAt(t, base, 1_700_000_000_000+rapid.Int64Range(0, 3000).Draw(rt, "millis")))
			for _, line := range lines(t, points) {
				series, _, _ := strings.Cut(line, " ")
				key := series + line[strings.LastIndexByte(line, ' '):]
				_, again := seen[key]
				replaced = replaced || again
				seen[key] = base
			}
		}
		if replaced && p.spans.shown < 1 {
			rt.Fatalf("two points have one key, and the metric says %g", p.spans.shown)
		}
	})
}

// The metric forgets what is over, and keeps it for long enough to be scraped.
func TestSlotsUsedAreThoseOfTheLastMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := loggedProcessor(t, fewSlots, new(bytes.Buffer))
		process(t, p, batchAt(t, 0, 1000), batchAt(t, 400, 1000))
		for age, want := range []float64{0.4, 0.4, 0.1} {
			if age > 0 {
				time.Sleep(spanPeriod)
				at := int64(age) * 100_000
				process(t, p, batchAt(t, at, 1000*at), batchAt(t, at+100, 1000*at))
			}
			if p.spans.shown != want {
				t.Errorf("after %d minutes the metric says %g, want %g", age, p.spans.shown, want)
			}
		}
	})
}

// Whoever can choose topics and times must not fill the memory.
func TestWatchingSlotsIsBounded(t *testing.T) {
	p := loggedProcessor(t, batches, new(bytes.Buffer))
	for i := range 3 * maxSpanTables {
		p.spans.add(spanTable{topic: fmt.Sprint(i)}, int64(i)*int64(time.Second), 0, 0)
	}
	if n := len(p.spans.tables); n > maxSpanTables {
		t.Errorf("%d tables, want at most %d", n, maxSpanTables)
	}
}

func BenchmarkWatchingSlots(b *testing.B) {
	p := loggedProcessor(b, batches, new(bytes.Buffer))
	of, offset := spanTable{topic: "tweets", partition: 3}, int64(0)
	for b.Loop() {
		offset += 8000
		p.spans.add(of, offset/50_000*int64(time.Second), offset, offset)
	}
}
