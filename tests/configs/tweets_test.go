package configs_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/schemas"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// tweetOf encodes a tweet in Avro with a codec that is not the program's.
func tweetOf(t testing.TB, brand, sentiment string, millis int64) []byte {
	t.Helper()
	value, err := avro.Marshal(avro.MustParse(schemas.Tweet), map[string]any{
		"id": "0", "text": "Hi", "brand": brand, "sentiment": sentiment, "timestamp": millis,
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// letter is a record in the topic of the dead letters.
type letter struct {
	value   []byte
	headers map[string]string
}

// place returns the position of the letter's source record.
func (l letter) place() string {
	return l.headers["dead_topic"] + "/" + l.headers["dead_partition"] + "/" + l.headers["dead_offset"]
}

// readLetters reads a topic of dead letters from its start to its end.
func readLetters(t testing.TB, c *testenv.Cluster, topic string) []letter {
	t.Helper()
	var letters []letter
	for _, r := range readRecords(t, c, topic) {
		headers := map[string]string{}
		for _, h := range r.Headers {
			if _, ok := headers[h.Key]; ok {
				t.Errorf("a dead letter has the header %s twice", h.Key)
			}
			headers[h.Key] = string(h.Value)
		}
		letters = append(letters, letter{r.Value, headers})
	}
	return letters
}

func readRecords(t testing.TB, c *testenv.Cluster, topic string) []*kgo.Record {
	t.Helper()
	count, err := c.Records(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return c.Read(t, topic, int(count))
}

var pointLine = regexp.MustCompile(`^tweets,brand=([^,]+),sentiment=(\w+) count=(\d+)i(?:,text=".*")? (\d+)$`)

// pointOf reads a line of line protocol: its count, and the series and time by which
// InfluxDB identifies it.
func pointOf(t testing.TB, line string) (key oracle.Key, count int64, identity string) {
	t.Helper()
	m := pointLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("not a point of tweets: %s", line)
	}
	count, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	nanos, err := strconv.ParseInt(m[4], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return oracle.Key{Second: nanos / 1e9, Brand: m[1], Sentiment: m[2]}, count, m[1] + " " + m[2] + " " + m[4]
}

// sumOf adds up lines as InfluxDB would: a repeated line replaces itself. Two different
// lines for one point are an error, since the second would replace the first.
func sumOf(t testing.TB, stored map[string]int) (counts oracle.Counts, err error) {
	t.Helper()
	counts = oracle.Counts{}
	seen := map[string]string{}
	for line := range stored {
		if strings.HasPrefix(line, "brandpulse_batches,") {
			continue // a coverage point is not counted
		}
		key, n, identity := pointOf(t, line)
		if other, ok := seen[identity]; ok {
			err = fmt.Errorf("two points replace each other:\n%s\n%s", other, line)
		}
		seen[identity] = line
		counts[key] += n
	}
	return counts, err
}

// compareSums returns how lines differ from their expected sums.
func compareSums(t testing.TB, stored map[string]int, want oracle.Counts) error {
	t.Helper()
	got, err := sumOf(t, stored)
	return errors.Join(err, oracle.Equal(got, want))
}

// committed waits until a group has committed all of a topic, which it does when each
// of its records is stored or in the dead letters.
func committed(t testing.TB, c *testenv.Cluster, group, topic string) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "all of the topic is committed", func() error {
		lag, err := c.Lag(t.Context(), group, topic)
		if err == nil && lag > 0 {
			err = fmt.Errorf("a lag of %d", lag)
		}
		return err
	})
}
