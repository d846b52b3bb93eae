package hostile_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a letter that the topic does not accept is written again forever, with
// its neighbours, and its partition is stuck.
func TestALetterThatIsTooLargeGetsSmaller(t *testing.T) {
	c := testenv.FakeKafka(t)
	for _, config := range []string{"config/exact.yaml", "config/ingest.yaml", "config/ingest_tweets.yaml"} {
		for _, limit := range []int{1 << 20, 100_000} {
			t.Run(fmt.Sprintf("%s/%d", config, limit), func(t *testing.T) {
				topic, dead := c.Topic(t, 1), freshTopic(t, c, limit)
				client := c.Client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1<<20))
				// Text that an error may repeat, and that no codec can compress.
				digits := noise(600_000, "0123456789")
				values := []string{
					`{"brand":"B","sentiment":"positive","timestamp":1` + digits + `}`,
					`{"brand":"B","sentiment":"` + digits + `","timestamp":1767225600000}`,
				}
				for i := range 10 {
					values = append(values, fmt.Sprintf("no tweet %d", i),
						fmt.Sprintf(`{"id":"%d","text":"t","brand":"B","sentiment":"positive","timestamp":1767225600000}`, i))
				}
				var records []*kgo.Record
				for _, v := range values {
					records = append(records, kgo.StringRecord(v))
				}
				if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				program, influx := run(t, c, config, topic, dead, map[string]string{"ENCODING": "json"})
				testenv.Eventually(t, 30*time.Second, "all of the topic is committed", func() error {
					at, err := committed(t.Context(), client, topic)
					if err == nil && at != int64(len(values)) {
						err = fmt.Errorf("up to offset %d", at)
					}
					return err
				})
				if code := program.Stop(t); code != 0 {
					t.Errorf("exit code %d", code)
				}
				if log := program.Log(t); len(log) > 100_000 {
					t.Errorf("a log of %d bytes", len(log))
				}
				counted := 0
				for line := range influx.Stored() {
					if _, rest, ok := strings.Cut(line, "count="); ok && strings.HasPrefix(line, "tweets,") {
						n, _, _ := strings.Cut(rest, "i")
						count, _ := strconv.Atoi(n)
						counted += count
					}
				}
				if counted != 10 {
					t.Errorf("%d tweets are counted, want 10", counted)
				}
				checkLetters(t, c, dead, values, limit)
			})
		}
	}
}

// checkLetters expects one letter for each value that is not a tweet: whole or, if it
// is larger than the limit, its beginning.
func checkLetters(t *testing.T, c *testenv.Cluster, dead string, values []string, limit int) {
	t.Helper()
	n, err := c.Records(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range c.Read(t, dead, int(n)) {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = string(h.Value)
		}
		offset, err := strconv.Atoi(headers["dead_offset"])
		if err != nil || offset >= len(values) {
			t.Fatalf("a letter has the headers %q", headers)
		}
		want, cut := values[offset], ""
		if len(want) > limit {
			want, cut = want[:10_000], strconv.Itoa(len(values[offset]))
		}
		if string(r.Value) != want || headers["dead_cut_from"] != cut {
			t.Errorf("the letter of offset %d has %d bytes, cut from %q; want %d, from %q", offset, len(r.Value), headers["dead_cut_from"], len(want), cut)
		}
		if len(headers["dead_error"]) > 1024 {
			t.Errorf("dead_error has %d bytes", len(headers["dead_error"]))
		}
		seen[headers["dead_offset"]] = true
	}
	if len(seen) != 12 {
		t.Errorf("%d records have a letter, want 12", len(seen))
	}
	if n > 24 {
		t.Errorf("%d letters of 12 records: they are written repeatedly", n)
	}
}

func noise(n int, of string) string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = of[random.IntN(len(of))]
	}
	return string(b)
}

func freshTopic(t *testing.T, c *testenv.Cluster, limit int) string {
	t.Helper()
	name := fmt.Sprintf("dead-%d-%d", limit, time.Now().UnixNano())
	c.CreateTopic(t, name, 1, map[string]string{"max.message.bytes": strconv.Itoa(limit)})
	return name
}
