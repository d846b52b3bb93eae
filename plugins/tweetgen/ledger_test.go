package tweetgen

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func readLedger(t *testing.T, path string) (p page) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return p
}

// If this fails, the ledger is not there at the end, or counts other tweets than were
// delivered.
func TestTheLedgerIsWrittenAtTheEnd(t *testing.T) {
	for _, message := range []string{"record", "record_batch"} {
		path := filepath.Join(t.TempDir(), "ledger.json")
		synctest.Test(t, func(t *testing.T) {
			in := newTestInput(t, testConfig(t, "progress: never\nseed: 3\ncount: 5000\nbatch_size: 700\nmessage: "+message+
				"\nflaws: { late: 0.1, out_of_order: 0.1, duplicated: 0.1, broken: 0.1 }\nledger: "+path))
			begin := time.Now()
			if err := in.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			if p := readLedger(t, path); p.End != nil || p.Complete || p.Tweets != 0 || p.Seed != 3 {
				t.Errorf("at the start the ledger is %+v", p)
			}
			records := 0
			for _, msgs := range readAll(t, in, time.Millisecond) {
				for _, m := range msgs {
					n := 1
					if count, ok := m.MetaGetMut("kafka_batch_records"); ok {
						n = count.(int)
					}
					records += n
				}
			}
			if err := in.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			p := readLedger(t, path)
			if !p.Begin.Equal(begin) || p.End == nil || p.End.Before(begin) || !p.Complete || p.Tweets != 5000 || p.Acknowledged != 5000 {
				t.Errorf("the ledger is %+v", p)
			}
			if p.Records != int64(records) || p.Records != 5000+p.Flaws["duplicated"] {
				t.Errorf("%d records are in the ledger, %d were delivered: %v", p.Records, records, p.Flaws)
			}
			var countable int64
			for _, n := range p.Countable {
				countable += n
			}
			if len(p.Countable) != 3 || len(p.Flaws) != 4 || countable != p.Records-p.Flaws["broken"] {
				t.Errorf("%v are countable of %d, with %v", p.Countable, p.Records, p.Flaws)
			}
			for f, n := range p.Flaws {
				if n < 400 || n > 600 {
					t.Errorf("%d of 5,000 tweets are %s", n, f)
				}
			}
		})
	}
}

// If this fails, an input that was stopped says that it is complete.
func TestTheLedgerOfAStoppedInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.json")
	in := newTestInput(t, testConfig(t, "progress: never\nbatch_size: 700\nledger: "+path))
	if err := in.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := in.ReadBatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := readLedger(t, path); p.Complete || p.End == nil || p.Tweets != 700 || p.Acknowledged != 0 {
		t.Errorf("the ledger is %+v", p)
	}
}

// If this fails, a ledger that cannot be written is noticed after hours, or two inputs
// replace each other's.
func TestALedgerThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	in := newTestInput(t, testConfig(t, "progress: never\nledger: "+filepath.Join(dir, "missing", "ledger.json")))
	if err := in.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "Create its folder") {
		t.Errorf("connecting says %v", err)
	}
	path := "progress: never\ncount: 1\nledger: " + filepath.Join(dir, "ledger.json")
	first, second := newTestInput(t, testConfig(t, path)), newTestInput(t, testConfig(t, path))
	if err := first.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "Give each a file of its own") {
		t.Errorf("connecting a second input says %v", err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Connect(t.Context()); err != nil {
		t.Errorf("after the end of the first: %v", err)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
