package influxfault

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// If this fails, a failed run cannot be repeated from its seed.
func TestSeededFaultsDependOnSeedAndNumberAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		faults := []Fault{{Kind: ApplyHang}, {Kind: ResetAfter}, {Kind: TooLarge}}
		one, other := Seeded(seed, share, faults...), Seeded(seed, share, faults...)
		numbers := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).Draw(t, "order")
		for _, n := range numbers {
			if other(Request{Number: 9 - n}); one(Request{Number: n}) != other(Request{Number: n, Bytes: 5}) {
				t.Fatalf("request %d gets two faults", n)
			}
		}
		if one(Request{Number: -1}) != (Fault{}) {
			t.Fatal("a request without points gets a fault")
		}
	})
}

func TestSeededGivesItsShareAndEachFault(t *testing.T) {
	for _, share := range []float64{0, 0.3, 1} {
		decide := Seeded(7, share, Fault{Kind: ApplyHang}, Fault{Kind: ResetAfter})
		got := map[Kind]int{}
		const n = 10_000
		for i := range n {
			got[decide(Request{Number: i}).Kind]++
		}
		for kind, want := range map[Kind]float64{Pass: 1 - share, ApplyHang: share / 2, ResetAfter: share / 2} {
			if rate := float64(got[kind]) / n; rate < want-0.03 || rate > want+0.03 {
				t.Errorf("%v of share %v: %v", kind, share, rate)
			}
		}
	}
}

func TestAboveLooksAtTheSizeAlone(t *testing.T) {
	decide := Above(100)
	for bytes, want := range map[int64]Kind{-1: Pass, 0: Pass, 100: Pass, 101: TooLarge} {
		if got := decide(Request{Bytes: bytes}).Kind; got != want {
			t.Errorf("%d bytes: %v", bytes, got)
		}
	}
}

// If this fails, a long test uses all memory, or silently miscounts beyond some line.
func TestLedgerIsBounded(t *testing.T) {
	l := newLedger()
	var body []byte
	for i := range maxLines {
		body = fmt.Appendf(body, "%d\n", i)
	}
	if err := l.add(body); err != nil {
		t.Fatal(err)
	}
	if err := l.add([]byte("0\n1\n0\n")); err != nil || len(l.seen) != maxLines || l.twice != 2 {
		t.Errorf("%v, %d lines, %d twice", err, len(l.seen), l.twice)
	}
	if err := l.add([]byte("one more")); err == nil || len(l.seen) != maxLines {
		t.Errorf("%v, %d lines", err, len(l.seen))
	}
}

// If this fails, a test that measures memory measures that of the proxy.
func TestForgottenLinesTakeNoMemory(t *testing.T) {
	p := &Proxy{ledger: newLedger()}
	p.note(nil, []byte("a\na\n"))
	if stats := p.Stats(); stats.Lines != 1 || stats.Twice != 1 || stats.Stored != 1 {
		t.Errorf("%+v", stats)
	}
	p.Forget()
	p.note(nil, []byte("a\nb\n"))
	if stats := p.Stats(); stats.Lines != 0 || stats.Twice != 0 || stats.Stored != 2 {
		t.Errorf("%+v", stats)
	}
}
