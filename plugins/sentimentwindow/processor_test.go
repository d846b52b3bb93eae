package sentimentwindow

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func testProcessor(t testing.TB, yaml string) *processor {
	t.Helper()
	return processorWith(t, yaml, service.MockResources().Logger())
}

// loggedProcessor writes its log into out.
func loggedProcessor(t testing.TB, yaml string, out io.Writer) *processor {
	t.Helper()
	return processorWith(t, yaml, service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(out, nil))))
}

func processorWith(t testing.TB, yaml string, log *service.Logger) *processor {
	t.Helper()
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := configFrom(parsed)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProcessor(conf, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kafkaMessage is a message as the redpanda input makes it, headers last.
func kafkaMessage(topic string, partition, offset int, value []byte, headers ...kgo.RecordHeader) *service.Message {
	m := service.NewMessage(value)
	m.MetaSetMut(contract.KafkaTopic, topic)
	m.MetaSetMut(contract.KafkaPartition, partition)
	m.MetaSetMut(contract.KafkaOffset, offset)
	for _, h := range headers {
		m.MetaSetMut(h.Key, string(h.Value))
	}
	if len(headers) > 0 {
		m.MetaSetMut(contract.RedpandaHeaders, headers)
	}
	return m
}

func datum(brand string, s tweet.Sentiment, millis int64) []byte {
	tw := tweet.Tweet{ID: []byte("3f2504e0-4f89-41d3-9a0c-0305e82c3301"), Text: []byte("Love it, \"really\""), Brand: []byte(brand), Sentiment: s, Millis: millis}
	return tw.AppendAvro(nil)
}

// process runs one batch and splits what comes out.
func process(t testing.TB, p *processor, batch ...*service.Message) (points, refused service.MessageBatch) {
	t.Helper()
	out, err := p.ProcessBatch(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	// A second batch would be retried apart from the first, and fold again what
	// the first has stored.
	if len(out) != 1 {
		t.Fatalf("%d batches come out, want exactly 1", len(out))
	}
	for i, m := range out[0] {
		if m.GetError() != nil {
			refused = append(refused, m)
			continue
		}
		if len(refused) > 0 {
			t.Fatalf("message %d holds points and comes behind refused ones", i)
		}
		points = append(points, m)
	}
	return points, refused
}

func lines(t testing.TB, batch service.MessageBatch) []string {
	t.Helper()
	var out []string
	for _, m := range batch {
		b, err := m.AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

func TestPointsAreTheContract(t *testing.T) {
	const second = int64(1_700_000_000_000)
	batch := func() service.MessageBatch {
		return service.MessageBatch{
			kafkaMessage("tweets", 3, 10, datum("SuperCoffee", tweet.Negative, second+5)),
			kafkaMessage("tweets", 3, 11, datum("SuperCoffee", tweet.Positive, second+5)),
			kafkaMessage("tweets", 3, 12, datum("SuperCoffee", tweet.Positive, second+999)),
			kafkaMessage("tweets", 3, 13, datum("Tea, green", tweet.Neutral, second+1000)),
			kafkaMessage("tweets", 4, 7, datum("SuperCoffee", tweet.Positive, second)),
		}
	}
	for _, c := range []struct {
		name, yaml string
		want       []string
	}{
		{"windows", "", []string{
			"tweets,brand=SuperCoffee,sentiment=positive count=2i 1700000000000000643",
			"tweets,brand=SuperCoffee,sentiment=negative count=1i 1700000000000000643",
			`tweets,brand=Tea\,\ green,sentiment=neutral count=1i 1700000001000000643`,
			"tweets,brand=SuperCoffee,sentiment=positive count=1i 1700000000000000452",
		}},
		{"windows of a minute", "window: 1m\nmeasurement: per_minute", []string{
			"per_minute,brand=SuperCoffee,sentiment=positive count=2i 1699999980000000643",
			"per_minute,brand=SuperCoffee,sentiment=negative count=1i 1699999980000000643",
			`per_minute,brand=Tea\,\ green,sentiment=neutral count=1i 1699999980000000643`,
			"per_minute,brand=SuperCoffee,sentiment=positive count=1i 1699999980000000452",
		}},
		{"tweets", "emit: tweets", []string{
			`tweets,brand=SuperCoffee,sentiment=negative count=1i,text="Love it, \"really\"" 1700000000000000643`,
			`tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it, \"really\"" 1700000000000000707`,
			`tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it, \"really\"" 1700000000000000771`,
			`tweets,brand=Tea\,\ green,sentiment=neutral count=1i,text="Love it, \"really\"" 1700000001000000835`,
			`tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it, \"really\"" 1700000000000000452`,
		}},
		{"tweets to the millisecond", "emit: tweets\nresolution: 1ms\nmax_partitions: 8\noffsets_per_window: 125000", []string{
			`tweets,brand=SuperCoffee,sentiment=negative count=1i,text="Love it, \"really\"" 1700000000005000083`,
			`tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it, \"really\"" 1700000000005000091`,
			`tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it, \"really\"" 1700000000999000099`,
			`tweets,brand=Tea\,\ green,sentiment=neutral count=1i,text="Love it, \"really\"" 1700000001000000107`,
			`tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it, \"really\"" 1700000000000000060`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, refused := process(t, testProcessor(t, c.yaml), batch()...)
			if len(refused) > 0 {
				t.Fatal(refused[0].GetError())
			}
			if got := lines(t, points); !slices.Equal(got, c.want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			for key, want := range map[string]int{contract.KafkaPartition: 3, contract.KafkaOffset: 10, contract.KafkaLastOffset: 13, contract.Tweets: 4} {
				if got, _ := points[0].MetaGetMut(key); got != want {
					t.Errorf("metadata %s of the first fold is %v, want %d", key, got, want)
				}
			}
		})
	}
}

// The structured form must say what the lines say, or a pipeline that changes
// from one to the other doubles its points.
func TestBothOutputsAreTheSamePoints(t *testing.T) {
	batch := func() (b service.MessageBatch) {
		for i := range 50 {
			b = append(b, kafkaMessage("tweets", i%3, i, datum(fmt.Sprint("brand", i%4), tweet.Sentiment(i%3), int64(1_700_000_000_000+i*100))))
		}
		return b
	}
	for _, emit := range []string{emitWindows, emitTweets} {
		t.Run(emit, func(t *testing.T) {
			asLines, _ := process(t, testProcessor(t, "emit: "+emit), batch()...)
			asPoints, _ := process(t, testProcessor(t, "output: points\nemit: "+emit), batch()...)
			var got []string
			for _, m := range asPoints {
				v, err := m.AsStructured()
				if err != nil {
					t.Fatal(err)
				}
				p := v.(map[string]any)
				tags, fields := p["tags"].(map[string]any), p["fields"].(map[string]any)
				line := fmt.Sprintf("%s,brand=%s,sentiment=%s count=%di", p["measurement"], tags["brand"], tags["sentiment"], fields["count"])
				if emit == emitTweets {
					line += ",text=" + strconv.Quote(fields["text"].(string))
				}
				got = append(got, fmt.Sprintf("%s %d", line, p["timestamp"]))
			}
			if want := lines(t, asLines); !slices.Equal(got, want) {
				t.Fatalf("points\n%s\nlines\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// One processor serves all threads of a pipeline. Each must get the points of
// its own batch, byte for byte those of any other run.
func TestThreadsShareAProcessor(t *testing.T) {
	p := testProcessor(t, "emit: tweets")
	batchOf := func(partition int) (b service.MessageBatch) {
		for i := range 200 {
			b = append(b, kafkaMessage("tweets", partition, i, datum(fmt.Sprint("brand", i%7), tweet.Sentiment(i%3), int64(1_700_000_000_000+i))))
		}
		return b
	}
	var wg sync.WaitGroup
	for partition := range 8 {
		points, _ := process(t, testProcessor(t, "emit: tweets"), batchOf(partition)...)
		want := lines(t, points)
		wg.Go(func() {
			for range 20 {
				out, err := p.ProcessBatch(context.Background(), batchOf(partition))
				if err != nil || len(out) != 1 {
					t.Errorf("%d batches, error %v", len(out), err)
					return
				}
				if got := lines(t, out[0]); !slices.Equal(got, want) {
					t.Errorf("partition %d gives other points than alone", partition)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Messages that come from elsewhere get points too, each its own.
func TestMessagesFromElsewhereAreNumbered(t *testing.T) {
	p := testProcessor(t, "emit: tweets")
	seen := make(map[string]bool)
	for range 3 {
		var batch service.MessageBatch
		for range 100 {
			batch = append(batch, service.NewMessage(datum("SuperCoffee", tweet.Positive, 1_700_000_000_000)))
		}
		points, refused := process(t, p, batch...)
		if len(refused) > 0 {
			t.Fatal(refused[0].GetError())
		}
		for _, line := range lines(t, points) {
			seen[line[strings.LastIndexByte(line, ' '):]] = true
		}
	}
	if len(seen) != 300 {
		t.Fatalf("300 tweets have %d timestamps", len(seen))
	}
}
