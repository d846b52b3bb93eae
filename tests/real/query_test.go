package real_test

import (
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// userQuery is the documented query of users, word for word.
const userQuery = `from(bucket: "brandpulse") |> range(start: -1h)
  |> filter(fn: (r) => r._measurement == "tweets") |> filter(fn: (r) => r._field == "count")
  |> aggregateWindow(every: 1s, fn: sum) |> group(columns: ["sentiment"])`

// If this fails, the numbers on a dashboard are wrong: tweets of a batch, which share a
// millisecond, have replaced each other, or a second has more than one row.
func TestQueryGivesTheTrueSumsOfTwoMillionTweets(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV2, func(t *testing.T, version string) {
		server := testenv.OwnInflux(t, influxd.Options{Version: version}) // for the bucket's name
		if query := oracle.Query(server.Bucket); query != userQuery {
			t.Fatalf("the oracle's query is\n%s", query)
		}
		s := stream.New(t, stream.Partitions)
		reader := s.Into(stream.IngestConfig, server.Database, nil)
		reader.Start(t)
		generator := s.Generate(t, stream.Env{"RATE": "0", "COUNT": "2000000", "BATCH_SIZE": "8000", "INTERVAL": "1ms"})
		stream.MustEndWell(t, generator, 2*time.Minute)
		reader.Drained(t, 2*time.Minute)
		s.MustHaveNoDeadLetters(t)

		want := s.Read(t)
		mustBeInThePast(t, want)
		rows, err := oracle.RunQuery(t.Context(), server.Database)
		if err != nil {
			t.Fatal(err)
		}
		got, sums := oracle.Counts{}, map[string]int64{}
		for _, r := range rows {
			// A row has the end of its second.
			at := oracle.Key{Second: r.Time.Add(-time.Second).Unix(), Brand: r.Brand, Sentiment: r.Sentiment}
			if _, twice := got[at]; twice {
				t.Errorf("second %d has two rows of %s tweets about %s", at.Second, at.Sentiment, at.Brand)
			}
			got[at] = r.Tweets
			sums[r.Sentiment] += r.Tweets
		}
		for sentiment, tweets := range map[string]int64{"positive": 1_000_000, "negative": 600_000, "neutral": 400_000} {
			if sums[sentiment] != tweets {
				t.Errorf("%d %s tweets, want %d", sums[sentiment], sentiment, tweets)
			}
		}
		for key, tweets := range want {
			if got[key] != tweets {
				t.Errorf("second %d has %d %s tweets about %s, want %d", key.Second, got[key], key.Sentiment, key.Brand, tweets)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d rows of seconds, brands and sentiments, want %d", len(got), len(want))
		}
		t.Logf("%d seconds, brands and sentiments in %d points", len(got), stream.Points(t, server.Database))
	})
}

// mustBeInThePast waits for the end of the last second with tweets: the row of a
// current second has the time of the query.
func mustBeInThePast(t *testing.T, counts oracle.Counts) {
	t.Helper()
	var last int64
	for key := range counts {
		last = max(last, key.Second)
	}
	testenv.Eventually(t, 5*time.Second, "the last second is over", func() error {
		if time.Now().Unix() > last {
			return nil
		}
		return errNotYet
	})
}
