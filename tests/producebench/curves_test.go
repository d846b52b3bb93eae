package producebench_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// curve is how the rate of generate_fast.yaml depends on one setting.
type curve struct {
	of     string
	points []int
	at     func(b *bench, point int) (run, writer)
}

const (
	// mostCurveBytes is how much a run writes at most: fewer large tweets are enough.
	mostCurveBytes = 1_500_000_000

	// recordBatchBytes fills a record batch. Batches of the generator have as many tweets,
	// at most the default: 8,000 tweets of 10 KB it refuses.
	recordBatchBytes = 1_000_000
)

var allCurves = []curve{
	{"partitions", []int{1, 2, 4, 8, 16, 32, 64, 128, 256}, func(b *bench, point int) (run, writer) {
		return run{partitions: int32(point), tweets: b.tweets / 4}, generateFast
	}},
	{"brands", []int{1, 10, 100, 1000, 10_000}, func(b *bench, point int) (run, writer) {
		var names []string
		for i := range point {
			names = append(names, fmt.Sprintf("brand-%05d", i))
		}
		return run{partitions: partitions, tweets: b.tweets / 4}, withBrands(names)
	}},
	{"bytes of a tweet", []int{50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000}, func(b *bench, point int) (run, writer) {
		const rest = 48 // of a tweet without its text, with a brand of one letter
		corpus := filepath.Join(b.TempDir(), "corpus.jsonl")
		if err := writeCorpus(corpus, 999, point-rest); err != nil {
			b.Fatal(err)
		}
		tweets := min(b.tweets/4, int64(mostCurveBytes/point))
		batch := min(8000, max(1, recordBatchBytes/point))
		return run{partitions: partitions, tweets: tweets, corpus: corpus, batch: batch}, withBrands([]string{"A"})
	}},
}

// curves looks for cliffs: a setting that is twice as large and more than halves the rate.
func curves(b *bench) {
	for _, c := range allCurves {
		codec := b.codecs[0]
		rows := make([]*rounds.Row, len(c.points))
		failed := make([]string, len(c.points))
		for i, point := range c.points {
			rows[i] = &rounds.Row{Name: fmt.Sprint(point)}
		}
		title := fmt.Sprintf("generate_fast.yaml by %s, %s, acks 1", c.of, codec)
		for round := range b.rounds {
			for i, point := range c.points {
				r, w := c.at(b, point)
				r.codec, r.tweets = codec, max(1, r.tweets)
				reading, err := b.runOnce(fmt.Sprintf("%s, %d", title, point), round, r, w)
				if err != nil {
					failed[i] = err.Error()
					continue
				}
				rows[i].Readings = append(rows[i].Readings, reading)
			}
		}
		b.log.printf("\n%s\nmedians of %d rounds; per doubling: how many times slower\n", title, b.rounds)
		b.log.printf("%10s %11s %13s %8s %7s %6s  %s\n", "", "tweets/s", "min-max, M", "CPU s", "broker", "MB", "per doubling")
		previous, worst, missing := -1, 0.0, ""
		for i, row := range rows {
			if len(row.Readings) == 0 {
				b.log.printf("%10s left out: %s\n", row.Name, failed[i])
				b.Errorf("%s, %s: %s", title, row.Name, failed[i])
				missing = "not all were measured"
				continue
			}
			m := row.Median()
			lowest, highest := row.Spread()
			step := ""
			if previous >= 0 {
				doublings := math.Log2(float64(c.points[i]) / float64(c.points[previous]))
				slower := math.Pow(rows[previous].Median().Rate/m.Rate, 1/doublings)
				worst = max(worst, slower)
				step = fmt.Sprintf("%.2f", slower)
			}
			b.log.printf("%10s %11s %13s %8.3f %7.3f %6d  %s\n", row.Name, grouped(int64(m.Rate)),
				fmt.Sprintf("%.2f-%.2f", lowest/1e6, highest/1e6), m.CPU, m.Server, m.Peak>>20, step)
			previous = i
		}
		b.goals(title, goal{what: "times slower per doubling of " + strings.Fields(c.of)[0], limit: 2, figure: worst, atMost: true, unknown: missing})
	}
}

var brandsOf = regexp.MustCompile(`(?m)^    brands:\n(      .*\n)+`)

// withBrands is generate_fast.yaml with these brands, whose weights are those of Zipf.
func withBrands(names []string) writer {
	return writer{name: fastWriter, percent: 100, command: func(tb testing.TB, r run) process.Command {
		tb.Helper()
		config, err := os.ReadFile(filepath.Join(testenv.Root(tb), fastConfig))
		if err != nil {
			tb.Fatal(err)
		}
		const input = "  tweet_generator:\n"
		list := input + "    brands:\n"
		for i, name := range names {
			list += fmt.Sprintf("      - { name: %s, weight: %g }\n", name, 1/float64(i+1))
		}
		text := strings.Replace(brandsOf.ReplaceAllString(string(config), ""), input, list, 1)
		path := filepath.Join(r.dir, "pipeline.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		return fastProgram(tb, r, path)
	}}
}
