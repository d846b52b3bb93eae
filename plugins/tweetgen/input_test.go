package tweetgen

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

var errRefused = errors.New("refused")

// started gives a connected input that waits on the bubble's time.
func started(t *testing.T, yaml string) *input {
	t.Helper()
	in := newTestInput(t, testConfig(t, "progress: never\n"+yaml))
	if err := in.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return in
}

func newTestInput(t *testing.T, c config) *input {
	t.Helper()
	in, err := newInputFrom(c, service.MockResources(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// bytesOf gives what the messages hold, one after the other.
func bytesOf(t *testing.T, msgs service.MessageBatch) []byte {
	t.Helper()
	var all []byte
	for _, m := range msgs {
		b, err := m.AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// withoutTimes gives the tweets of a batch with their timestamps set to 0.
func withoutTimes(t *testing.T, msgs service.MessageBatch) string {
	t.Helper()
	var all []byte
	for _, m := range msgs {
		b, err := m.AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		var tw tweet.Tweet
		if err := tw.DecodeAvro(b); err != nil {
			t.Fatal(err)
		}
		tw.Millis = 0
		all = tw.AppendAvro(all)
	}
	return string(all)
}

// readAll reads to the end and acknowledges each batch after a while.
func readAll(t *testing.T, in *input, pause time.Duration) []service.MessageBatch {
	t.Helper()
	var all []service.MessageBatch
	for {
		msgs, ack, err := in.ReadBatch(t.Context())
		if errors.Is(err, service.ErrEndOfInput) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, msgs)
		time.Sleep(pause)
		if err := ack(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// The number of workers is a matter of speed and must not show in the tweets.
func TestAnyNumberOfWorkersGivesTheSameTweets(t *testing.T) {
	for _, mode := range []string{"mode: fixed", "mode: volatile"} {
		var want []string
		for _, workers := range []string{"1", "2", "3", "8"} {
			synctest.Test(t, func(t *testing.T) {
				in := started(t, mode+"\nseed: 5\ncount: 1234\nbatch_size: 97\nworkers: "+workers)
				var got []string
				for _, msgs := range readAll(t, in, 0) {
					got = append(got, withoutTimes(t, msgs))
				}
				slices.Sort(got)
				if len(got) != 13 {
					t.Errorf("%d batches, want 13", len(got))
				}
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, %s workers: other tweets than with one", mode, workers)
				}
			})
		}
	}
}

// A refused batch that is not sent again, or in part, is lost; one that is sent
// again with other bytes is counted twice.
func TestANackSendsTheWholeBatchAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "count: 30\nbatch_size: 10\nworkers: 1\nmax_in_flight: 1")
		var stored [][]byte
		refused := 0
		var last []byte
		for {
			msgs, ack, err := in.ReadBatch(t.Context())
			if errors.Is(err, service.ErrEndOfInput) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got := bytesOf(t, msgs)
			if refused%3 > 0 && !bytes.Equal(got, last) {
				t.Fatal("another batch came than the one that was refused")
			}
			last = got
			// A pipeline may change its messages; the next try must not have
			// the changes.
			msgs[0].SetBytes([]byte("changed"))
			msgs[1].SetError(errRefused)
			if refused++; refused%3 > 0 {
				// One message alone is to blame: the input sends all again.
				batchErr := service.NewBatchError(msgs, errRefused).Failed(3, errRefused)
				if err := ack(t.Context(), batchErr); err != nil {
					t.Fatal(err)
				}
				continue
			}
			stored = append(stored, got)
			if err := ack(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(stored) != 3 || in.tally.generated.Load() != 30 || in.tally.delivered.Load() != 30 || in.tally.errors.Load() != 6 {
			t.Errorf("%d batches stored, generated %d, delivered %d, errors %d", len(stored),
				in.tally.generated.Load(), in.tally.delivered.Load(), in.tally.errors.Load())
		}
	})
}

// A batch that is refused at once and for ever must not keep a core busy.
func TestARefusedBatchRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "count: 1\nbatch_size: 1")
		start := time.Now()
		var times []time.Duration
		for range 10 {
			_, ack, err := in.ReadBatch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, time.Since(start))
			if err := ack(t.Context(), errRefused); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 9 {
			want := min(minBackoff<<i, maxBackoff)
			if rest := times[i+1] - times[i]; rest != want {
				t.Errorf("try %d came after %v, want %v", i+2, rest, want)
			}
		}
	})
}

// The end comes when all is delivered: a process that ends before loses what
// was still on its way.
func TestTheEndWaitsForAcknowledgements(t *testing.T) {
	for _, end := range []string{"count: 35", "{duration: 10ms, rate: 3500}"} {
		synctest.Test(t, func(t *testing.T) {
			yaml := "batch_size: 10\nworkers: 4"
			if end[0] == '{' {
				yaml += "\nduration: 10ms\nrate: 3500"
			} else {
				yaml += "\n" + end
			}
			in := started(t, yaml)
			var acks []service.AckFunc
			tweets := 0
			for range 4 {
				msgs, ack, err := in.ReadBatch(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				acks, tweets = append(acks, ack), tweets+len(msgs)
			}
			for i, ack := range acks {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if _, _, err := in.ReadBatch(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: with %d batches on their way ReadBatch gives %v", end, len(acks)-i, err)
				}
				cancel()
				if err := ack(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := in.ReadBatch(t.Context()); !errors.Is(err, service.ErrEndOfInput) {
				t.Errorf("%s: at the end ReadBatch gives %v", end, err)
			}
			if want := 35; end[0] == 'c' && tweets != want {
				t.Errorf("%d tweets, want %d", tweets, want)
			}
		})
	}
}

// With nothing acknowledged, the generator stops at max_in_flight batches.
func TestBatchesInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "batch_size: 10\nmax_in_flight: 5\nworkers: 3")
		var acks []service.AckFunc
		for range 5 {
			_, ack, err := in.ReadBatch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			acks = append(acks, ack)
		}
		read := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, _, err := in.ReadBatch(ctx)
			return err
		}
		if err := read(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a sixth batch: %v", err)
		}
		if err := acks[0](t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			t.Errorf("after an acknowledgement: %v", err)
		}
		// A refused batch keeps its place: it is still in memory.
		if err := acks[1](t.Context(), errRefused); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			t.Errorf("the refused batch: %v", err)
		}
		if err := read(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a batch beyond the refused one: %v", err)
		}
	})
}

// With nothing acknowledged, the generator stops at max_in_flight_bytes, but a batch that
// is larger than that is generated all the same.
func TestMemoryInFlightIsBounded(t *testing.T) {
	for yaml, want := range map[string]int{
		"batch_size: 1000\nmax_in_flight_bytes: 1MiB":                                             3, // of about 0.3 MB
		"batch_size: 1000\nmax_in_flight_bytes: 1MiB\nmessage: record_batch":                      8,
		"batch_size: 1000\nmax_in_flight_bytes: 1MiB\nmessage: record_batch\ncompression: snappy": 17,
		"batch_size: 1000\nmax_in_flight_bytes: 1KiB":                                             1,
	} {
		synctest.Test(t, func(t *testing.T) {
			in := started(t, "workers: 1\nmax_in_flight: 100\n"+yaml)
			var acks []service.AckFunc
			read := func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				_, ack, err := in.ReadBatch(ctx)
				acks = append(acks, ack)
				return err == nil
			}
			got := 0
			for read() {
				got++
			}
			if got < want*3/4 || got > want*5/4 {
				t.Errorf("%s: %d batches in flight, want about %d", yaml, got, want)
			}
			if err := acks[0](t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if !read() {
				t.Errorf("%s: no batch after an acknowledgement", yaml)
			}
		})
	}
}

func TestCloseInterruptsEveryWait(t *testing.T) {
	for name, yaml := range map[string]string{
		"for the schedule":         "rate: 0.001\nbatch_size: 10",
		"for the interval":         "interval: 1h\nbatch_size: 10\nworkers: 1",
		"for acknowledgements":     "max_in_flight: 1\nbatch_size: 10",
		"for memory":               "max_in_flight_bytes: 1KiB\nbatch_size: 10",
		"for ReadBatch to be idle": "batch_size: 10",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newTestInput(t, testConfig(t, "progress: never\n"+yaml))
				if err := in.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, _, err := in.ReadBatch(t.Context()); err != nil {
					t.Fatal(err)
				}
				if name == "for the schedule" || name == "for acknowledgements" || name == "for memory" || name == "for the interval" {
					go func() {
						if _, _, err := in.ReadBatch(context.Background()); !errors.Is(err, service.ErrEndOfInput) {
							t.Errorf("ReadBatch gives %v", err)
						}
					}()
				}
				synctest.Wait()
				start := time.Now()
				if err := in.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > 0 {
					t.Errorf("closing took %v", took)
				}
			})
		})
	}
}

// A slow pipeline under a rate: the tweets that there was no time for are
// counted, and all of the count arrive.
func TestMissedIsCountedAndCountReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "rate: 1000\nbatch_size: 100\ncount: 5000\nmax_in_flight: 1")
		start := time.Now()
		all := readAll(t, in, time.Second) // 100 tweets/s
		if len(all) != 50 {
			t.Errorf("%d batches, want 50", len(all))
		}
		if took := time.Since(start); took != 50*time.Second {
			t.Errorf("took %v, want 50s", took)
		}
		// The last batch was taken at 49 s; its schedule stood at 4.9 s, and
		// one second of delay is not missed.
		if missed := in.tally.missed.Load(); missed != 43_100 {
			t.Errorf("missed %d, want 43100", missed)
		}
	})
}

// A rate is a rate: in any second as many tweets as it says, and each batch in
// its own millisecond.
func TestRateIsKeptByAnyNumberOfWorkers(t *testing.T) {
	for _, workers := range []string{"1", "7"} {
		synctest.Test(t, func(t *testing.T) {
			in := started(t, "rate: 1000\nbatch_size: 50\ncount: 2000\nworkers: "+workers)
			start := time.Now()
			var millis []int64
			for _, msgs := range readAll(t, in, 0) {
				b, err := msgs[0].AsBytes()
				if err != nil {
					t.Fatal(err)
				}
				var tw tweet.Tweet
				if err := tw.DecodeAvro(b); err != nil {
					t.Fatal(err)
				}
				millis = append(millis, tw.Millis-start.UnixMilli())
			}
			for k, got := range millis {
				if want := int64(50 * k); got != want {
					t.Errorf("%s workers: batch %d is of millisecond %d, want %d", workers, k, got, want)
				}
			}
			if in.tally.missed.Load() != 0 {
				t.Errorf("missed %d", in.tally.missed.Load())
			}
		})
	}
}

// Without a rate each worker waits the interval after each batch.
func TestIntervalIsPerWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "interval: 10ms\nbatch_size: 1\ncount: 40\nworkers: 4")
		start := time.Now()
		readAll(t, in, 0)
		if took := time.Since(start); took != 90*time.Millisecond && took != 100*time.Millisecond {
			t.Errorf("40 batches of 4 workers took %v, want 9 or 10 intervals of 10ms", took)
		}
	})
}

// A long interval must not keep the process alive when all is done.
func TestTheEndDoesNotWaitForTheInterval(t *testing.T) {
	for end, want := range map[string]time.Duration{"count: 20": time.Hour, "duration: 90m": 90 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			in := started(t, "interval: 1h\nbatch_size: 10\nworkers: 1\n"+end)
			start := time.Now()
			if n := len(readAll(t, in, 0)); n != 2 {
				t.Errorf("%s: %d batches, want 2", end, n)
			}
			if took := time.Since(start); took != want {
				t.Errorf("%s: took %v, want %v", end, took, want)
			}
		})
	}
}
