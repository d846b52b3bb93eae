package real_test

import (
	"fmt"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a second process of the group, started because one is too slow, loses
// tweets or counts them twice when partitions move to it, or gets none.
func TestSecondIngestSharesTheWork(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		const rate = 20_000
		s := stream.New(t, stream.Partitions)
		reader := s.Into(stream.IngestTweetsConfig, testenv.Influx(t, version), nil)
		generator := s.Generate(t, stream.Env{"RATE": fmt.Sprint(rate)})
		first := reader.Start(t)
		stream.AwaitCounted(t, first, rate)
		second := reader.Start(t)
		stream.AwaitCounted(t, second, rate)
		// Both continue after the partitions have moved.
		so, err := stream.Counted(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		stream.AwaitCounted(t, first, so+rate)
		if code := generator.Stop(t); code != 0 {
			t.Fatalf("the generator has ended with exit code %d", code)
		}
		reader.Drained(t, patience)

		want := s.Read(t)
		reader.MustEqual(t, want)
		mustHoldTweets(t, reader.Bucket, want.Total())
		s.MustHaveNoDeadLetters(t)
		var both int64
		for name, process := range map[string]*testenv.Program{"first": first, "second": second} {
			n, err := stream.Counted(t.Context(), process)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("the %s process has counted %d of %d tweets", name, n, want.Total())
			both += n
		}
		if both < want.Total() {
			t.Errorf("both together have counted %d of %d tweets", both, want.Total())
		}
	})
}
