package brandview

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What would break: seconds of an outage look like seconds without tweets, nobody can
// tell since when there is no answer, or what was stored during an outage is missing
// after it.
func TestAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		put := func(seconds int) {
			for range seconds {
				l.put(time.Now().Unix(), "A", Counts{10, 0, 0})
				pause(time.Second)
			}
		}
		v, stop := runningView(t, l)
		defer stop()
		r, _ := ParseRange("1m")
		f := Filter{Range: r}
		defer v.Watch(r)()
		put(90)
		if u := v.Look(f, 0); u.Status.Since != 0 || u.Read != u.Head+1 || u.Rate != 10 {
			t.Fatalf("no answer since %d, read until %d of %d, %v/s", u.Status.Since, u.Read, u.Head, u.Rate)
		}
		failed := time.Now()
		l.mu.Lock()
		l.err = errors.New("connection refused")
		l.mu.Unlock()
		put(30)
		u := v.Look(f, 0)
		if since := time.UnixMilli(u.Status.Since).Sub(failed); u.Status.Problem == nil || since < 0 || since > time.Second {
			t.Errorf("the problem is %v, since %v after it began", u.Status.Problem, since)
		}
		if unread := time.Unix(u.Read, 0).Sub(failed); unread < -time.Second || unread > time.Second {
			t.Errorf("read until %v after the outage began", unread)
		}
		if age := time.Until(time.UnixMilli(u.Now)); age != 0 {
			t.Errorf("it is now %v later", age)
		}
		l.mu.Lock()
		l.err = nil
		l.mu.Unlock()
		put(10)
		u = v.Look(f, 0)
		if u.Status.Problem != nil || u.Status.Since != 0 {
			t.Errorf("after the outage: %v since %d", u.Status.Problem, u.Status.Since)
		}
		for _, w := range u.Windows {
			if w[1] != 10 && w[0] < u.Head {
				t.Errorf("%d tweets in second %d, %d s before the newest; want 10", w[1], w[0], u.Head-w[0])
			}
		}
		if len(u.Windows) < r.Windows-1 || u.Filled > u.First {
			t.Errorf("%d windows, read from %d s after the first", len(u.Windows), u.Filled-u.First)
		}
	})
}

// What would break: a problem of an hour ago is told as one that lasts since then,
// though nobody has looked and asked in between.
func TestNobodyLookedDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{err: errors.New("connection refused")}
		v, stop := runningView(t, l)
		defer stop()
		r, _ := ParseRange("1m")
		done := v.Watch(r)
		pause(10 * time.Second)
		done()
		pause(time.Hour)
		defer v.Watch(r)()
		pause(10 * time.Second)
		if age := time.Since(time.UnixMilli(v.Look(Filter{Range: r}, 0).Status.Since)); age > 11*time.Second {
			t.Errorf("no answer for %v, want 10 s", age)
		}
	})
}

// What would break: a part of the page, or who reads its addresses, takes negative
// tweets for neutral ones.
func TestOneOrderOfSentiments(t *testing.T) {
	s := newStore()
	v := newView(Source{}, &log{})
	v.store = s
	s.advance(1000)
	s.forget()
	a := answer{step: 1, from: 990, to: 1001, brands: map[string][]Counts{}}
	a.windows("A")[3] = Counts{1, 2, 3} // positive, negative, neutral
	s.apply("", a)
	r, _ := ParseRange("1m")
	data, err := json.Marshal(v.Look(Filter{Range: r}, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"windows":[[993,1,3,2]]`, `"total":[1,3,2]`, `"overlay":[]`, `"marks":[]`, `"brands":[{"name":"A","counts":[1,3,2]}]`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s is not in %s", want, data)
		}
	}
}
