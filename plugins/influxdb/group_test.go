package influxdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink stands for InfluxDB: each request takes as long as it is told.
type sink struct {
	took func(n int) time.Duration

	mu       sync.Mutex
	began    []time.Duration // since the start, by request
	points   []int
	inFlight int
	most     int
	start    time.Time
}

func (s *sink) send(r *request) {
	s.mu.Lock()
	n := len(s.began)
	s.began = append(s.began, time.Since(s.start))
	s.points = append(s.points, r.lines.len())
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	err := sleep(r.ctx, s.took(n))
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	if err == nil {
		r.accept(r.all())
	}
}

func callOf(n int) *call {
	cl := newCall()
	for i := range n {
		cl.lines.buf = append(cl.lines.buf, lineOf(i)...)
		cl.lines.add(0)
	}
	return cl
}

// scene runs writers against a sink in fake time. at[i] is when writer i comes,
// points[i] what it brings; it returns when each was answered.
func scene(t *testing.T, conf config, took func(n int) time.Duration, at []time.Duration, points []int) (*sink, []time.Duration) {
	t.Helper()
	s := &sink{took: took}
	answered := make([]time.Duration, len(at))
	synctest.Test(t, func(t *testing.T) {
		s.start = time.Now()
		c := newCommitter(conf, s.send)
		var wait sync.WaitGroup
		for i := range at {
			wait.Go(func() {
				time.Sleep(at[i])
				if err := c.write(t.Context(), callOf(points[i])); err != nil {
					t.Error(err)
				}
				answered[i] = time.Since(s.start)
			})
		}
		wait.Wait()
		c.close()
		if len(c.queue) > 0 || c.running > 0 {
			t.Errorf("%d groups and %d requests are left", len(c.queue), c.running)
		}
	})
	return s, answered
}

func always(d time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return d }
}

func repeat[T any](v T, n int) []T { return slices.Repeat([]T{v}, n) }

const ms = time.Millisecond

// TestSlowStreamIsSentAtOnce breaks if a point waits for company while a slot is
// free.
func TestSlowStreamIsSentAtOnce(t *testing.T) {
	s, answered := scene(t, testConfig(), always(5*ms), []time.Duration{0, 100 * ms, 200 * ms}, []int{1, 1, 1})
	if !slices.Equal(s.began, []time.Duration{0, 100 * ms, 200 * ms}) || answered[2] != 205*ms {
		t.Fatal(s.began, answered)
	}
}

// TestFastStreamFillsRequests breaks if writers that come while all slots are busy
// get a request each.
func TestFastStreamFillsRequests(t *testing.T) {
	at, points := make([]time.Duration, 64), repeat(10, 64)
	for i := range at {
		at[i] = time.Duration(i) * time.Microsecond
	}
	s, answered := scene(t, testConfig(), always(5*ms), at, points)
	if !slices.Equal(s.points, []int{10, 10, 620}) {
		t.Fatal(s.points)
	}
	if last := slices.Max(answered); last != 10*ms {
		t.Fatal(last)
	}
}

// TestFullGroupLetsTheNextOneFill breaks if a request grows above its limit, or if
// a full group leaves out of turn.
func TestFullGroupLetsTheNextOneFill(t *testing.T) {
	conf := testConfig()
	conf.requestsInFlight = 1
	conf.maxPoints = 100
	at := []time.Duration{0, ms, 2 * ms, 3 * ms}
	s, answered := scene(t, conf, always(10*ms), at, []int{5, 60, 60, 150})
	if !slices.Equal(s.points, []int{5, 100, 100, 70}) || s.most != 1 {
		t.Fatal(s.points, s.most)
	}
	if !slices.Equal(answered, []time.Duration{10 * ms, 20 * ms, 30 * ms, 40 * ms}) {
		t.Fatal(answered)
	}
}

// TestFlushPeriodGoesAroundAHangingRequest breaks if requests that hang hold up
// what comes after them for longer than flush_period, or if an outage opens
// requests without end.
func TestFlushPeriodGoesAroundAHangingRequest(t *testing.T) {
	conf := testConfig()
	took := func(n int) time.Duration {
		if n < 2 {
			return 30 * time.Second
		}
		return 5 * ms
	}
	at := []time.Duration{0, 0, 100 * ms, 600 * ms, 1200 * ms}
	s, answered := scene(t, conf, took, at, repeat(1, 5))
	if !slices.Equal(s.began, []time.Duration{0, 0, 1100 * ms, 2200 * ms}) || answered[3] != 1105*ms {
		t.Fatal(s.began, answered)
	}

	at = nil
	for i := range 200 {
		at = append(at, time.Duration(i)*100*ms)
	}
	s, _ = scene(t, conf, always(30*time.Second), at, repeat(1, 200))
	if s.most != 2*conf.requestsInFlight {
		t.Fatalf("%d requests at the same time", s.most)
	}
}

// TestCallerLeaves breaks if a caller whose context ends is kept, if its points
// are sent although nobody waits for them, or if it takes others along.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := testConfig()
		conf.requestsInFlight = 1
		conf.flushPeriod = time.Hour
		s := &sink{took: always(10 * ms), start: time.Now()}
		c := newCommitter(conf, s.send)
		defer c.close()
		short, cancel := context.WithTimeout(t.Context(), 3*ms)
		defer cancel()
		results := make(chan string, 4)
		write := func(name string, ctx context.Context, points int) {
			go func() { results <- fmt.Sprintf("%s %v %s", name, c.write(ctx, callOf(points)), time.Since(s.start)) }()
			synctest.Wait()
		}
		write("sent", t.Context(), 1)
		write("leaves", short, 10)
		write("stays", t.Context(), 100)
		var got []string
		for range 3 {
			got = append(got, <-results)
		}
		if want := []string{"leaves context deadline exceeded 3ms", "sent <nil> 10ms", "stays <nil> 20ms"}; !slices.Equal(got, want) {
			t.Error(got)
		}
		if !slices.Equal(s.points, []int{1, 100}) {
			t.Error(s.points)
		}
	})
}

// TestCallSurvivesItsRequests breaks if a call that is used again is touched by a
// request of its former life.
func TestCallSurvivesItsRequests(t *testing.T) {
	conf := testConfig()
	conf.maxPoints = 3
	conf.requestsInFlight = 2
	c := newCommitter(conf, func(r *request) {
		for i := range r.lines.len() {
			if i%2 == 0 {
				r.refuse(i, decision{verdict: verdictRejected, status: 400}, string(r.lines.line(i)))
			} else {
				r.accept([]int{i})
			}
		}
	})
	defer c.close()
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			cl := newCall()
			for round := range 300 {
				cl.reset()
				for i := range 1 + round%7 {
					cl.lines.buf = append(cl.lines.buf, lineOf(round*10+i)...)
					cl.lines.add(i)
				}
				if err := c.write(t.Context(), cl); err != nil {
					t.Error(err)
					return
				}
				for _, r := range cl.refusals {
					if want := lineOf(round*10 + r.message); string(r.text) != want || r.reason != want {
						t.Errorf("round %d: %q, %q", round, r.text, r.reason)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

// TestCallerLeavesAnotherRequestAlone breaks if a caller that leaves takes down a
// request which has been another one, with its points, before.
func TestCallerLeavesAnotherRequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := testConfig()
		conf.maxPoints = 1
		s := &sink{start: time.Now(), took: func(n int) time.Duration {
			return []time.Duration{10 * ms, time.Hour, 100 * ms}[n]
		}}
		c := newCommitter(conf, s.send)
		defer c.close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		go func() { _ = c.write(ctx, callOf(2)) }()
		time.Sleep(20 * ms)
		whole, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.write(whole, callOf(1)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClosedCommitterTakesNothing(t *testing.T) {
	c := newCommitter(testConfig(), func(*request) {})
	c.close()
	if err := c.write(t.Context(), callOf(1)); !errors.Is(err, errClosed) {
		t.Fatal(err)
	}
}
