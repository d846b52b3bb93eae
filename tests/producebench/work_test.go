package producebench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// workVariable holds the work of this program, which is then a writer instead of a test.
const workVariable = "BRANDPULSE_BENCH_WORK"

// writing is the work of one process that has no program of its own.
type writing struct {
	Writer     string
	Broker     string
	Topic      string
	Partitions int32
	Codec      string
	Tweets     int64
	Corpus     string // empty: the built-in texts
	Brands     []string
}

const (
	loopWriter  = "loop"
	franzWriter = "franz-go"
)

// work does the work in this process.
func work(text string) error {
	var w writing
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return err
	}
	t, err := newTweets(w.Corpus, w.Brands)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	switch w.Writer {
	case loopWriter:
		err = writeLoop(ctx, w, t)
	case franzWriter:
		err = writeFranz(ctx, w, t)
	default:
		err = fmt.Errorf("unknown writer %q", w.Writer)
	}
	// So that the memory and CPU of all that it did can still be read.
	time.Sleep(50 * time.Millisecond)
	return err
}
