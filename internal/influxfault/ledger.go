package influxfault

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"sync"
)

// Stats are the counters of a proxy.
type Stats struct {
	// Requests with points that have arrived.
	Requests int
	// Under is how many requests that write are in the proxy now, Held how many of them
	// wait for Release.
	Under, Held int
	// Stored is how many requests with points InfluxDB has answered with 204. It also
	// stores parts of other requests, which the proxy cannot see.
	Stored int
	// Lines is how many different lines those requests had, Twice how many of the lines
	// arrived more than once. Both count all proxies in front of the same InfluxDB.
	Lines, Twice int
	// Unread is how many requests ended before their whole body had arrived.
	Unread int

	happened [kinds]int
}

// Happened returns how many requests with points had a fault. Faults that apply the
// request count after InfluxDB's response.
func (s Stats) Happened(kind Kind) int { return s.happened[kind] }

// maxLines bounds the memory of a ledger, to about 50 MB.
const maxLines = 1 << 20

// ledger records lines by their hash, for one proxy or several.
type ledger struct {
	seed maphash.Seed

	mu    sync.Mutex
	seen  map[uint64]bool // whether the line has arrived more than once
	twice int
}

func newLedger() *ledger {
	return &ledger{seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
}

// Forget stops recording lines, for a test that measures memory: Lines and Twice are 0
// from now on.
func (p *Proxy) Forget() {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	p.ledger.seen, p.ledger.twice = nil, 0
}

func (l *ledger) counts() (lines, twice int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen), l.twice
}

// add records the lines of a body. It splits at each newline, so a line with a
// multi-line string counts as several, the same ones each time.
func (l *ledger) add(body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		return nil
	}
	for line := range bytes.Lines(body) {
		key := maphash.Bytes(l.seed, bytes.TrimSuffix(line, []byte("\n")))
		again, known := l.seen[key]
		if !known && len(l.seen) >= maxLines {
			return fmt.Errorf("more than %d different lines: the proxy cannot record them", maxLines)
		}
		if known && !again {
			l.twice++
		}
		l.seen[key] = known
	}
	return nil
}

// note records a request that InfluxDB has answered with 204.
func (p *Proxy) note(header http.Header, body []byte) {
	if len(body) == 0 {
		return
	}
	lines, err := unpacked(header, body)
	if err != nil {
		p.fail(fmt.Errorf("decompressing a body that InfluxDB has stored: %w", err))
		return
	}
	if err := p.ledger.add(lines); err != nil {
		p.fail(err)
	}
	p.change(func(s *Stats) { s.Stored++ })
}

func unpacked(header http.Header, body []byte) ([]byte, error) {
	if header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}
