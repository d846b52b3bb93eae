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

// Stats are numbers of what a proxy has seen.
type Stats struct {
	// Requests with points that have come.
	Requests int
	// Under is how many requests that write are in the proxy now, and Held how
	// many of them wait for Release.
	Under, Held int
	// Stored is how many requests with points InfluxDB has answered 204 to. It
	// stores a part of others too, of which the proxy does not know.
	Stored int
	// Lines is how many different lines those requests held, and Twice how many
	// of them came more than once; of all proxies that stand beside each other.
	Lines, Twice int
	// Unread is how many requests ended before their whole body had come.
	Unread int

	happened [kinds]int
}

// Happened is how many requests with points a fault has happened to, if it is one
// that applies them: after InfluxDB has answered.
func (s Stats) Happened(kind Kind) int { return s.happened[kind] }

// maxLines bounds the memory of a ledger, to some 50 MB.
const maxLines = 1 << 20

// ledger remembers lines by their hash, for one proxy or several.
type ledger struct {
	seed maphash.Seed

	mu    sync.Mutex
	seen  map[uint64]bool // whether the line has come more than once
	twice int
}

func newLedger() *ledger {
	return &ledger{seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
}

// Forget ends the remembering of lines, for a test that measures memory: Lines
// and Twice are 0 from now on.
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

// add notes the lines of a body. It cuts at each newline: a line with a string
// of several lines counts as several, the same ones each time.
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
			return fmt.Errorf("more than %d different lines: the proxy cannot remember them", maxLines)
		}
		if known && !again {
			l.twice++
		}
		l.seen[key] = known
	}
	return nil
}

// note remembers a request that InfluxDB has answered 204 to.
func (p *Proxy) note(header http.Header, body []byte) {
	if len(body) == 0 {
		return
	}
	lines, err := unpacked(header, body)
	if err != nil {
		p.fail(fmt.Errorf("unpacking a body that InfluxDB has taken: %w", err))
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
