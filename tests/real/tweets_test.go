package real_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var errNotYet = errors.New("not yet")

// naiveConfig is a pipeline without the stamp law.
const naiveConfig = "tests/real/testdata/naive.yaml"

const (
	tweets    = 200_000
	batchSize = 8_000 // of the generator: tweets that share a millisecond
)

// If the first part fails, tweets replace each other in InfluxDB. If the second
// one does, the first proves nothing: then they would not with plain
// milliseconds either.
func TestEveryTweetIsAPoint(t *testing.T) {
	s := newStream(t)
	s.fill(t, tweets, time.Minute)
	want := s.read(t)
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		t.Run("shipped", func(t *testing.T) {
			reader := s.into(ingestTweetsConfig, testenv.Influx(t, version), nil)
			reader.start(t)
			reader.drained(t, time.Minute)
			mustHoldTweets(t, reader.bucket, tweets)
			reader.mustEqual(t, want)
			s.mustHaveNoDeadLetters(t)
		})
		t.Run("plain milliseconds", func(t *testing.T) {
			reader := s.into(naiveConfig, testenv.Influx(t, version), env{"RESOLUTION": "1ms", "NUDGE": "0"})
			reader.start(t)
			reader.drained(t, time.Minute)
			n := points(t, reader.bucket)
			t.Logf("%d tweets made %d points", tweets, n)
			// One a batch and sentiment, less where two batches have one millisecond.
			if most := int64(3 * tweets / batchSize); n == 0 || n > most {
				t.Fatalf("%d points with plain milliseconds, want 1 to %d", n, most)
			}
		})
	})
}

// If the first part fails, a crash makes InfluxDB hold more or fewer tweets than
// Kafka. If the second one does, the first proves nothing: then a crash would
// not double points with random times either.
func TestKilledIngestWritesTheSamePointsAgain(t *testing.T) {
	s := newStream(t)
	s.fill(t, tweets, time.Minute)
	want := s.read(t)
	testenv.EachInflux(t, testenv.InfluxV2, func(t *testing.T, version string) {
		t.Run("shipped", func(t *testing.T) {
			bucket := testenv.Influx(t, version)
			proxy, through := testenv.FaultyProxy(t, bucket, nil)
			reader := s.into(ingestTweetsConfig, through, nil).quickToNotice()
			killMidway(t, reader, proxy, tweets/5, tweets/2, tweets*4/5)

			seen := proxy.Stats()
			t.Logf("%d points written more than once", seen.Twice)
			if seen.Twice < 1000 {
				t.Errorf("%d points written more than once, want 1000 at least: the kills came too late", seen.Twice)
			}
			if seen.Lines != tweets {
				t.Errorf("%d different lines were written for %d tweets: a point was written in two forms", seen.Lines, tweets)
			}
			mustHoldTweets(t, bucket, tweets)
			reader.mustEqual(t, want)
			s.mustHaveNoDeadLetters(t)
		})
		t.Run("random nanoseconds", func(t *testing.T) {
			bucket := testenv.Influx(t, version)
			proxy, through := testenv.FaultyProxy(t, bucket, nil)
			reader := s.into(naiveConfig, through, env{
				"RESOLUTION": "1s",
				"NUDGE":      "random_int(seed: timestamp_unix_nano(), max: 999999999)",
			}).quickToNotice()
			killMidway(t, reader, proxy, tweets/2)
			n := points(t, bucket)
			t.Logf("%d tweets made %d points", tweets, n)
			if n < tweets+1000 {
				t.Fatalf("%d points with random nanoseconds and a crash, want more than there are tweets", n)
			}
		})
	})
}

// killMidway lets an ingest read the whole stream and kills it each time when
// InfluxDB holds so many different points: while the answer to a request with
// more of them is on its way, and Kafka holds the rest.
func killMidway(t *testing.T, reader *reader, proxy *influxfault.Proxy, at ...int) {
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
	ingest := reader.start(t)
	for i, lines := range at {
		testenv.Eventually(t, time.Minute, fmt.Sprintf("InfluxDB holds %d different points, and an answer is held back", lines), func() error {
			if proxy.Stats().Held == 0 {
				return errNotYet
			}
			return nil
		})
		seen := proxy.Stats()
		lag := reader.lag(t)
		ingest.Kill(t)
		t.Logf("killed with %d points stored, %d of them twice, %d requests under way, lag %d", seen.Lines, seen.Twice, seen.Under, lag)
		if seen.Under < 1 || lag < 1 {
			t.Fatalf("killed with %d requests under way and lag %d, want both", seen.Under, lag)
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
	reader.drained(t, time.Minute)
}

func mustHoldTweets(t *testing.T, bucket *influxd.Database, want int64) {
	t.Helper()
	if n := points(t, bucket); n != want {
		t.Fatalf("%d points, want one for each of %d tweets", n, want)
	}
}
