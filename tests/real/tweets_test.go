package real_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var errNotYet = errors.New("not yet")

// naiveConfig is a pipeline without the stamp law.
const naiveConfig = "tests/real/testdata/naive.yaml"

const (
	tweets    = 200_000
	batchSize = 8_000 // of the generator: tweets that share a millisecond
	brands    = 5     // of the generator
)

// If the first part fails, tweets replace each other in InfluxDB. If the second one
// fails, the first proves nothing: then they would not with plain milliseconds either.
func TestEveryTweetIsAPoint(t *testing.T) {
	s := stream.New(t, stream.Partitions)
	s.Fill(t, tweets, patience)
	want := s.Read(t)
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		t.Run("shipped", func(t *testing.T) {
			reader := s.Into(stream.IngestTweetsConfig, testenv.Influx(t, version), nil)
			reader.Start(t)
			reader.Drained(t, patience)
			mustHoldTweets(t, reader.Bucket, tweets)
			reader.MustEqual(t, want)
			s.MustHaveNoDeadLetters(t)
		})
		t.Run("plain milliseconds", func(t *testing.T) {
			reader := s.Into(naiveConfig, testenv.Influx(t, version), stream.Env{"RESOLUTION": "1ms", "NUDGE": "0"})
			reader.Start(t)
			reader.Drained(t, patience)
			n := stream.Points(t, reader.Bucket)
			t.Logf("%d tweets made %d points", tweets, n)
			// One per batch, brand and sentiment, fewer where two batches have one millisecond.
			if most := int64(brands * 3 * tweets / batchSize); n == 0 || n > most {
				t.Fatalf("%d points with plain milliseconds, want 1 to %d", n, most)
			}
		})
	})
}

// If the first part fails, a crash makes InfluxDB hold more or fewer tweets than Kafka.
// If the second one fails, the first proves nothing: then a crash would not duplicate
// points with random times either.
func TestKilledIngestWritesTheSamePointsAgain(t *testing.T) {
	s := stream.New(t, stream.Partitions)
	s.Fill(t, tweets, patience)
	want := s.Read(t)
	testenv.EachInflux(t, testenv.InfluxV2, func(t *testing.T, version string) {
		t.Run("shipped", func(t *testing.T) {
			bucket := testenv.Influx(t, version)
			proxy, through := testenv.FaultyProxy(t, bucket, nil)
			reader := s.Into(stream.IngestTweetsConfig, through, nil).QuickToNotice(3 * time.Second)
			killMidway(t, reader, proxy, tweets/5, tweets/2, tweets*4/5)

			seen := proxy.Stats()
			t.Logf("%d points written more than once", seen.Twice)
			if seen.Twice < 1000 {
				t.Errorf("%d points written more than once, want at least 1000: the kills were too late", seen.Twice)
			}
			if seen.Lines != tweets {
				t.Errorf("%d different lines were written for %d tweets: a point was written in two forms", seen.Lines, tweets)
			}
			mustHoldTweets(t, bucket, tweets)
			reader.MustEqual(t, want)
			s.MustHaveNoDeadLetters(t)
		})
		t.Run("random nanoseconds", func(t *testing.T) {
			bucket := testenv.Influx(t, version)
			proxy, through := testenv.FaultyProxy(t, bucket, nil)
			reader := s.Into(naiveConfig, through, stream.Env{
				"RESOLUTION": "1s",
				"NUDGE":      "random_int(seed: timestamp_unix_nano(), max: 999999999)",
			}).QuickToNotice(3 * time.Second)
			killMidway(t, reader, proxy, tweets/2)
			n := stream.Points(t, bucket)
			t.Logf("%d tweets made %d points", tweets, n)
			if n < tweets+1000 {
				t.Fatalf("%d points with random nanoseconds and a crash, want more than there are tweets", n)
			}
		})
	})
}

// killMidway lets an ingest read the whole stream and kills it whenever InfluxDB has
// this many different points: while the response to a request with more of them is
// pending, and Kafka holds the rest.
func killMidway(t *testing.T, reader *stream.Reader, proxy *influxfault.Proxy, at ...int) {
	t.Helper()
	hold := func(lines int) {
		proxy.SetFaults(func(influxfault.Request) influxfault.Fault {
			if proxy.Stats().Lines < lines {
				return influxfault.Fault{}
			}
			return influxfault.Fault{Kind: influxfault.HoldAnswer}
		})
	}
	hold(at[0])
	ingest := reader.Start(t)
	for i, lines := range at {
		testenv.Eventually(t, patience, fmt.Sprintf("InfluxDB holds %d different points, and a response is held", lines), func() error {
			if proxy.Stats().Held == 0 {
				return errNotYet
			}
			return nil
		})
		seen := proxy.Stats()
		lag := reader.Lag(t)
		ingest.Kill(t)
		t.Logf("killed with %d points stored, %d of them twice, %d requests in flight, lag %d", seen.Lines, seen.Twice, seen.Under, lag)
		if seen.Under < 1 || lag < 1 {
			t.Fatalf("killed with %d requests in flight and lag %d, want both above 0", seen.Under, lag)
		}
		testenv.Eventually(t, 10*time.Second, "the requests of the killed ingest have ended", func() error {
			if proxy.Stats().Under > 0 {
				return errNotYet
			}
			return nil
		})
		proxy.SetFaults(nil)
		if i+1 < len(at) {
			hold(at[i+1])
		}
		ingest.Restart(t)
	}
	reader.Drained(t, patience)
}

func mustHoldTweets(t *testing.T, bucket *influxd.Database, want int64) {
	t.Helper()
	if n := stream.Points(t, bucket); n != want {
		t.Fatalf("%d points, want one for each of %d tweets", n, want)
	}
}
