package influxdb

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestOutageThatNobodyConnectsFor breaks if callers wait for ever for one that has
// been told of an outage, and that cannot connect, since Benthos holds its lock for
// another one of them.
func TestOutageThatNobodyConnectsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault {
			if up.Load() {
				return influxfake.Fault{}
			}
			return influxfake.Fault{Status: 401}
		}})
		conf := testConfig()
		conf.maxPoints = 1
		o, _ := startOutput(t, conf, fake, nil)
		results := make(chan int, 10)
		began := time.Now()
		for i := range 10 {
			go func() {
				if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(i))}); !errors.Is(err, service.ErrNotConnected) {
					t.Errorf("%d: %v", i, err)
				}
				results <- i
			}()
			synctest.Wait()
		}
		first := <-results
		if time.Since(began) > 0 {
			t.Errorf("the first caller was told after %s", time.Since(began))
		}
		for range 9 {
			<-results
		}
		if took := time.Since(began); took != unheardAfter {
			t.Errorf("the others were told after %s", took)
		}
		// The last one has the lock, and comes back with other lines.
		up.Store(true)
		if err := o.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(100))}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > unheardAfter+comeBack {
			t.Errorf("the one with other lines was stored after %s", took)
		}
		if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lineOf(first))}); err != nil {
			t.Fatal(err)
		}
		o.committer.mu.Lock()
		defer o.committer.mu.Unlock()
		if len(o.committer.told)+len(o.committer.callers)+len(o.committer.queue) > 0 || o.committer.up != nil {
			t.Errorf("left over: %+v", o.committer.outage)
		}
	})
}

// TestSameLinesOfAnotherCallerAreNotTaken breaks if a caller who is told of an
// outage is acknowledged because another one has brought the same lines meanwhile.
func TestSameLinesOfAnotherCallerAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCommitter(testConfig(), func(r *request) { _ = r.committer.disconnect(r) })
		defer c.close()
		first := callOf(3)
		c.mu.Lock()
		c.callers[first], first.left = true, 3
		c.up = make(chan struct{})
		c.tell(first) // and its caller has not looked yet
		if c.adopt(callOf(3)) != nil {
			t.Error("the call of a caller that waits was taken")
		}
		delete(c.callers, first)
		if c.adopt(callOf(2)) != nil {
			t.Error("a call with other lines was taken")
		}
		if c.adopt(callOf(3)) != first || first.failure != nil || c.up != nil {
			t.Error("the call was not taken")
		}
		c.mu.Unlock()
	})
}

// TestOutageThatNobodyIsToldOf breaks if an outage of which no caller could be told
// goes on after Benthos has connected: nobody would end it, and nothing be sent again.
func TestOutageThatNobodyIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCommitter(testConfig(), nil)
		defer c.close()
		ended := make(chan error)
		go func() { ended <- c.disconnect(&request{ctx: t.Context()}) }()
		synctest.Wait()
		began := time.Now()
		c.connecting() // as another caller's, who was told of an earlier outage
		c.connected()
		if err := <-ended; err != nil || time.Since(began) > 0 || c.up != nil {
			t.Errorf("it ended after %s: %v", time.Since(began), err)
		}
	})
}

// TestRequestThatNobodyWaitsForStopsNothing breaks if a request whose callers have left
// begins an outage for the others.
func TestRequestThatNobodyWaitsForStopsNothing(t *testing.T) {
	c := newCommitter(testConfig(), nil)
	defer c.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.disconnect(&request{ctx: ctx}); !errors.Is(err, context.Canceled) || c.up != nil {
		t.Errorf("%v, outage: %v", err, c.up != nil)
	}
}
