package dlq_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, replay or drop touches letters that the flags do not select, or more than
// --max, or any without a yes; or nothing says later why a letter was dropped.
func TestReplayAndDropOfSomeLetters(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 2), c.Topic(t, 1)
	for i := range 10 { // one by one, for their order
		c.Produce(t, letter(dead, i, fmt.Sprint("value ", i), carrying(topic, int64(i), "user", "trace", "x")))
	}
	replayed := func(when string, want ...string) {
		t.Helper()
		var got []string
		if len(want) > 0 {
			for _, r := range c.Read(t, topic, len(want)) {
				got = append(got, string(r.Value))
			}
		} else if n, err := c.Records(t.Context(), topic); err != nil || n > 0 {
			t.Errorf("%s %d records are written, %v", when, n, err)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s replayed are %q, not %q", when, got, want)
		}
	}
	run := func(code int, says, command string, args ...string) {
		t.Helper()
		if out := dlq(t, c, code, append([]string{command, "--dead-topic", dead}, args...)...); !strings.Contains(out, says) {
			t.Errorf("%s %q does not say %q:\n%s", command, args, says, out)
		}
	}
	run(1, "Type yes to replay 10 letters: nothing was done: the answer is not yes", "replay") // the input is empty
	run(1, "Type yes to drop 10 letters: nothing was done", "drop", "--why", "x")
	run(0, "10 letters of "+dead+" to drop.", "drop", "--why", "x", "--dry-run")
	replayed("without a yes")
	run(0, "0 letters of "+dead+" to replay.", "replay", "--yes", "--partition", "0")
	run(0, "0 letters of "+dead+" to replay.", "replay", "--yes", "--reason", "unstorable")
	run(0, "0 letters of "+dead+" to replay.", "replay", "--yes", "--topic", topic+"x")
	replayed("with flags that select none")

	run(0, "2 letters settled", "replay", "--yes", "--max", "2")
	replayed("with --max 2", "value 0", "value 1")
	run(0, "1 letter settled", "replay", "--yes", "--partition", "1", "--offset", "9")
	run(0, "2 letters settled", "replay", "--yes", "--since", "2026-01-01T00:00:04Z", "--until", "2026-01-01T00:00:06Z")
	replayed("of a time", "value 0", "value 1", "value 4", "value 5", "value 9")
	run(0, "1 letter settled", "drop", "--yes", "--max", "1", "--why", "not worth it")
	mapping := filepath.Join(t.TempDir(), "fix.blobl")
	if err := os.WriteFile(mapping, []byte(`root = content().uppercase()`), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "  + value: VALUE 3\n", "replay", "--yes", "--fix", mapping, "--reason", "undecodable")
	replayed("with --fix in a file", "VALUE 3", "VALUE 6", "VALUE 7", "VALUE 8", "value 0", "value 1", "value 4", "value 5", "value 9")

	run(0, " UTC: not worth it\n", "show", "0:2")
	run(0, "settled   yes, dropped at ", "show", "0:2")
	run(0, "settled   yes, replayed at ", "show", "0:9")
	run(0, `"outcome": "dropped"`, "show", "--json", "0:2")
}

// If this fails, --rate does not limit the letters per second, or a transaction is open
// while it waits, so that it delays readers of the topic.
func TestNoTransactionIsOpenWhileTheRateWaits(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 2), c.Topic(t, 1)
	for i := range 16 {
		c.Produce(t, letter(dead, i, "value", carrying(topic, int64(i), "user", "trace", "x")))
	}
	admin := kadm.NewClient(c.Client(t))
	begun := time.Now()
	p := testenv.Start(t, testenv.Command{Args: []string{"dlq", "replay", "--brokers", strings.Join(c.Brokers, ","), "--dead-topic", dead, "--yes", "--rate", "4"}})
	samples, open := 0, 0
	for p.Running() && time.Since(begun) < 30*time.Second {
		// Until the transactional id exists, and its coordinator, there is no state.
		ids, err := admin.DescribeTransactions(t.Context(), "brandpulse-dlq-"+dead)
		if id := ids["brandpulse-dlq-"+dead]; err == nil && id.Err == nil {
			if samples++; id.State == "Ongoing" {
				open++
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	if code := p.Wait(t, time.Second); code != 0 || !strings.Contains(p.Log(t), "16 letters settled") {
		t.Errorf("it ends with %d:\n%s", code, p.Log(t))
	}
	if took := time.Since(begun); took < 15*time.Second/4 {
		t.Errorf("16 letters take %s", took)
	}
	if samples < 20 || open > samples/2 {
		t.Errorf("the transaction is open in %d of %d samples", open, samples)
	}
}
