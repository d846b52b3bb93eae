package kafkabatch

import (
	"context"
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	// downAfter is how long no broker has answered when the output is no longer connected.
	downAfter   = 5 * time.Second
	downPeriod  = time.Second // between looks
	pingTimeout = 10 * time.Second
)

var errDown = errors.New("no broker answers")

// down lets Benthos know that no broker answers, so that /ready responds with 503.
//
// Only one caller is told, and returns ErrNotConnected: Benthos then connects, and holds a
// lock until it has written that batch again. The other callers wait in the producer, where
// their records keep their place. The one that is told has no acknowledged record: what it
// has sent is in doubt and would be sent again anyway.
type down struct {
	waiting map[*writing]context.CancelCauseFunc
	told    *writing // until Benthos has connected
}

// enter returns the context of a call, which ends when it is told.
func (o *output) enter(ctx context.Context, w *writing) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down.waiting[w] = cancel
	return ctx, cancel
}

// leave returns the error of a call: ErrNotConnected if it was told.
func (o *output) leave(ctx context.Context, w *writing, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.down.waiting, w)
	if o.down.told != w {
		return err
	}
	if err == nil || !errors.Is(context.Cause(ctx), errDown) {
		o.down.told = nil // Kafka has answered after all, or the stream ends
		return err
	}
	return service.ErrNotConnected
}

// connected is called when a broker has answered Benthos.
func (o *output) connected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down.told = nil
}

// watch looks for an outage until the output is closed.
func (o *output) watch(closed <-chan struct{}) {
	ticker := time.NewTicker(downPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-closed:
			return
		case now := <-ticker.C:
			o.look(now)
		}
	}
}

func (o *output) look(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.producer == nil || o.down.told != nil {
		return
	}
	if since := o.producer.DownSince(); since.IsZero() || now.Sub(since) < downAfter {
		return
	}
	for w, cancel := range o.down.waiting {
		if !w.stored() {
			o.down.told = w
			cancel(errDown)
			return
		}
	}
}
