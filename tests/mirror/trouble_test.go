package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// logs waits until the log of a program has all these words.
func logs(t *testing.T, program *testenv.Program, words ...string) {
	t.Helper()
	testenv.Eventually(t, 30*time.Second, "the log says why", func() error {
		for _, w := range words {
			if !strings.Contains(program.Log(t), w) {
				return fmt.Errorf("%q is missing", w)
			}
		}
		return nil
	})
}

// numbered are batches whose records say which record of which batch they are.
func numbered(partition int32, batches, size int) (all [][]*kgo.Record) {
	for b := range batches {
		var records []*kgo.Record
		for i := range size {
			records = append(records, &kgo.Record{Partition: partition, Value: fmt.Appendf(nil, "%d %d", b, i)})
		}
		all = append(all, records)
	}
	return all
}

// If this fails, a mirror that is killed loses records, repeats parts of a batch, or
// changes their order.
func TestKilledMirrorRepeatsWholeBatches(t *testing.T) {
	l := start(t)
	const partitions, batches, size = 3, 400, 20
	from, to := l.pair(t, partitions, nil, nil)
	for p := range int32(partitions) {
		l.send(t, from, kgo.Lz4Compression(), numbered(p, batches, size)...)
	}
	random := rand.New(rand.NewPCG(7, 8))
	program := l.mirror(t, from, to, map[string]string{"COMMIT_PERIOD": "100ms"}, "--set", "output.broker.batching.count=5")
	for range 4 {
		before, _ := l.Records(t.Context(), to)
		testenv.Eventually(t, 30*time.Second, "something is copied", func() error {
			now, err := l.Records(t.Context(), to)
			if err == nil && now == before && before < partitions*batches*size {
				err = fmt.Errorf("nothing since %d records", before)
			}
			return err
		})
		time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
		program.Kill(t)
		program.Restart(t)
	}
	l.copied(t, from, to)
	if code := program.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	stored, err := l.Records(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	next := map[int32]int{}  // the batch that comes for the first time
	at := map[int32][2]int{} // batch and record that must come next in a batch
	for _, r := range l.Read(t, to, int(stored)) {
		var b, i int
		if _, err := fmt.Sscan(string(r.Value), &b, &i); err != nil {
			t.Fatal(err)
		}
		want, inside := at[r.Partition]
		switch {
		case inside && (b != want[0] || i != want[1]):
			t.Fatalf("partition %d: after record %d of batch %d comes record %d of batch %d", r.Partition, want[1]-1, want[0], i, b)
		case !inside && (i != 0 || b > next[r.Partition]):
			t.Fatalf("partition %d: record %d of batch %d comes before batch %d", r.Partition, i, b, next[r.Partition])
		}
		at[r.Partition] = [2]int{b, i + 1}
		if i+1 == size {
			delete(at, r.Partition)
			next[r.Partition] = max(next[r.Partition], b+1)
		}
	}
	for p := range int32(partitions) {
		if _, inside := at[p]; inside || next[p] != batches {
			t.Errorf("partition %d ends in batch %d of %d", p, next[p], batches)
		}
	}
	t.Logf("%d records were copied more than once", stored-partitions*batches*size)
}

// If this fails, records of a partition that the target does not have are lost or go
// elsewhere, or nobody is told.
func TestTargetWithFewerPartitions(t *testing.T) {
	t.Parallel()
	l := &lab{Cluster: testenv.Kafka(t)}
	from, to := l.Topic(t, 3), l.Topic(t, 2)
	for p := range int32(3) {
		l.send(t, from, kgo.NoCompression(), numbered(p, 2, 5)...)
	}
	program := l.mirror(t, from, to, nil)
	logs(t, program, "partition 2 of the topic "+to+" does not exist: it has 2")
	if _, err := kadm.NewClient(l.Client(t)).UpdatePartitions(t.Context(), 3, to); err != nil {
		t.Fatal(err)
	}
	l.copied(t, from, to)
	at := map[int32]int{}
	for _, r := range l.Read(t, to, 30) {
		if want := fmt.Sprintf("%d %d", at[r.Partition]/5, at[r.Partition]%5); string(r.Value) != want {
			t.Errorf("partition %d has %q, want %q", r.Partition, r.Value, want)
		}
		at[r.Partition]++
	}
}

// If this fails, a mistake in a variable fills a topic, or waits without a word.
func TestWrongTopics(t *testing.T) {
	t.Parallel()
	l := &lab{Cluster: testenv.Kafka(t)}
	from, to := l.Topic(t, 1), l.Topic(t, 1)
	l.send(t, from, kgo.NoCompression(), numbered(0, 1, 5)...)
	for name, c := range map[string]struct {
		from, to string
		says     []string
	}{
		"onto itself":  {from, from, []string{"comes from the topic " + from + " itself", "grow forever: set topic to another one"}},
		"no source":    {"nowhere", to, []string{"there is no topic nowhere"}},
		"no target":    {from, "nowhere", []string{"looking up the topic nowhere: UNKNOWN_TOPIC_OR_PARTITION"}},
		"not a target": {from, "no topic", []string{"topic is", "no topic", "it must be an interpolation, or the name of a topic: up to 249 letters"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := l.mirror(t, c.from, c.to, map[string]string{"CONSUMER_GROUP": "group " + name})
			logs(t, program, c.says...)
			program.Kill(t)
			if n, err := l.Records(t.Context(), from); n != 5 || err != nil {
				t.Errorf("the source has %d records, %v", n, err)
			}
		})
	}
}
