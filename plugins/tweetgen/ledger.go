package tweetgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const fieldLedger = "ledger"

func ledgerField() *service.ConfigField {
	return service.NewStringField(fieldLedger).
		Description("File of the ledger: counts of the generated tweets, as a JSON object, to compare with the records that arrived (see [The ledger](#the-ledger)). It is replaced at the start and when the input ends. Empty means no file.").
		Default("").
		Example("./ledger.json").
		Advanced()
}

// ledger is the file with counts of the generated tweets.
type ledger struct {
	files *service.FS
	path  string
	page  page
}

// page is the content of a ledger. Its fields are described in the manual.
type page struct {
	Seed         int64            `json:"seed"`
	Begin        time.Time        `json:"begin"`
	End          *time.Time       `json:"end"`
	Complete     bool             `json:"complete"`
	Tweets       int64            `json:"tweets"`
	Acknowledged int64            `json:"acknowledged"`
	Missed       int64            `json:"missed"`
	Records      int64            `json:"records"`
	Countable    map[string]int64 `json:"countable"`
	Flaws        map[string]int64 `json:"flaws"`
}

// openLedgers are the files that inputs of this process write.
var openLedgers sync.Map

// begin creates the file, so that a path that does not work is found at the start.
func (l *ledger) begin(t *tally, now time.Time) error {
	if l.path == "" {
		return nil
	}
	if other, taken := openLedgers.LoadOrStore(filepath.Clean(l.path), l); taken && other != l {
		return fmt.Errorf("creating the ledger %s: another %s of this process writes it. Give each a file of its own", l.path, Name)
	}
	l.page.Begin = now
	return l.write(t)
}

// end writes the counts. complete means that nothing is left to generate.
func (l *ledger) end(t *tally, now time.Time, complete bool) error {
	if l.path == "" || l.page.Begin.IsZero() {
		return nil
	}
	defer openLedgers.CompareAndDelete(filepath.Clean(l.path), l)
	l.page.End, l.page.Complete = &now, complete
	return l.write(t)
}

func (l *ledger) write(t *tally) (err error) {
	p := &l.page
	p.Tweets, p.Acknowledged, p.Missed = t.generated.Load(), t.delivered.Load(), t.missed.Load()
	p.Countable, p.Flaws = make(map[string]int64), make(map[string]int64)
	p.Records = t.flaws[broken].Load()
	for s := range t.countable {
		n := t.countable[s].Load()
		p.Countable[tweet.Sentiment(s).String()] = n
		p.Records += n
	}
	for f := late; f < numFlaws; f++ {
		p.Flaws[f.String()] = t.flaws[f].Load()
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the ledger: %w", err)
	}
	f, err := l.files.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("opening the ledger: %w. Create its folder, or set another path in `%s`", err, fieldLedger)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, ok := f.(io.Writer)
	if !ok {
		return fmt.Errorf("writing the ledger %s: %w", l.path, fs.ErrInvalid)
	}
	if _, err := w.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("writing the ledger %s: %w", l.path, err)
	}
	return nil
}
