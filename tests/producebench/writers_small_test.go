package producebench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a writer is ahead because its tweets are smaller or fewer, or one writes
// nothing since a pipeline or a library has changed, which would otherwise be noticed only
// at the next benchmark.
func TestWritersWriteTheSameKindOfTweets(t *testing.T) {
	const tweets = 20_000
	sizes := map[string]float64{}
	for _, w := range []writer{loopOnly, franzOnly, generateFast, through("kafka_batches", 100), through("kafka_franz", 100), through("redpanda", 100)} {
		t.Run(w.name, func(t *testing.T) {
			kafka := testenv.FakeKafka(t)
			topic := kafka.Topic(t, partitions)
			ports, err := process.FreePorts(1)
			if err != nil {
				t.Fatal(err)
			}
			command := w.command(t, run{
				broker: kafka.Brokers[0], topic: topic, partitions: partitions, codec: "lz4", tweets: tweets,
				dir: t.TempDir(), address: fmt.Sprintf("127.0.0.1:%d", ports[0]),
			})
			child, err := process.Start(command)
			if err != nil {
				t.Fatal(err)
			}
			defer child.Kill()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if code, err := child.Wait(ctx); err != nil || code != 0 {
				t.Fatalf("it has ended with exit code %d, %v:\n%s", code, err, child.Tail(10))
			}
			records := kafka.Read(t, topic, tweets)
			if len(records) != tweets {
				t.Fatalf("it has written %d tweets of %d", len(records), tweets)
			}
			used, bytes := map[int32]bool{}, 0
			for _, r := range records {
				if _, err := oracle.Avro(r.Value); err != nil {
					t.Fatalf("offset %d of partition %d is not a tweet: %v", r.Offset, r.Partition, err)
				}
				used[r.Partition] = true
				bytes += len(r.Value)
			}
			sizes[w.name] = float64(bytes) / tweets
		})
	}
	for name, size := range sizes {
		if of := size / sizes[loopOnly.name]; of < 0.97 || of > 1.03 {
			t.Errorf("%s writes tweets of %.1f bytes, the loop of %.1f", name, size, sizes[loopOnly.name])
		}
	}
}

// If this fails, tweets of the kilobyte and of the curves have another size than the table
// says, or the lines for other languages are other tweets.
func TestFilesOfTweets(t *testing.T) {
	dir := t.TempDir()
	for _, bytes := range []int{2, 60, 5000} {
		path := filepath.Join(dir, fmt.Sprint(bytes))
		if err := writeCorpus(path, 30, bytes); err != nil {
			t.Fatal(err)
		}
		texts, err := readCorpus(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, of := range texts {
			for _, text := range of {
				if n++; len(text) != bytes {
					t.Fatalf("a text has %d bytes, not %d: %q", len(text), bytes, text)
				}
			}
		}
		if n != 30 {
			t.Fatalf("%d texts of 30", n)
		}
	}
}
