package brandview

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// log is an InfluxDB of single seconds.
type log struct {
	mu      sync.Mutex
	seconds map[int64]map[string]Counts
	err     error
	asked   int
}

func (l *log) put(second int64, brand string, c Counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seconds == nil {
		l.seconds = map[int64]map[string]Counts{}
	}
	if l.seconds[second] == nil {
		l.seconds[second] = map[string]Counts{}
	}
	sum := l.seconds[second][brand]
	sum.add(c)
	l.seconds[second][brand] = sum
}

func (l *log) counts(_ context.Context, step, from, to int64) (answer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.err != nil {
		return answer{}, l.err
	}
	if mod(from, step) != 0 || mod(to, step) != 0 || from >= to {
		panic(fmt.Sprintf("%d to %d by %d", from, to, step))
	}
	a := answer{step: step, from: from, to: to, brands: map[string][]Counts{}}
	for second := from; second < to; second++ {
		for brand, c := range l.seconds[second] {
			a.windows(brand)[(second-from)/step].add(c)
		}
	}
	return a, nil
}

func (l *log) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

func (l *log) texts(context.Context, textQuery) ([]Tweet, error) {
	return []Tweet{}, nil
}

// sums are what a view of a range must show.
func (l *log) sums(r Range, head int64) map[int64]Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	want := map[int64]Counts{}
	for second, brands := range l.seconds {
		start := r.floor(second)
		if start < r.first(head) || second > head {
			continue
		}
		for _, c := range brands {
			sum := want[start]
			sum.add(c)
			want[start] = sum
		}
	}
	return want
}

// mirror is what a page makes of the updates.
type mirror struct {
	revision uint64
	windows  map[int64]Counts
	last     Update
}

func (m *mirror) take(u Update) {
	if u.Whole {
		m.windows = map[int64]Counts{}
	}
	for _, w := range u.Windows {
		m.windows[w[0]] = Counts{w[1], w[3], w[2]} // positive, neutral, negative
	}
	for start, c := range m.windows {
		if start < u.First || c == (Counts{}) {
			delete(m.windows, start)
		}
	}
	m.revision, m.last = u.Revision, u
}

// What would break: numbers on the page that are not those of InfluxDB, in any
// range, while tweets come on time, late and very late, and time goes on.
func TestEveryRangeEqualsWhatIsStored(t *testing.T) {
	for _, r := range Ranges {
		t.Run(r.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &log{}
				begin := time.Now().Unix()
				for second := begin - 90_000; second < begin; second += 7 {
					l.put(second, []string{"A", "B", "C"}[mod(second, 3)], Counts{mod(second, 11), mod(second, 5), 1})
				}
				v, stop := runningView(t, l)
				defer stop()
				defer v.Watch(r)()
				f := Filter{Range: r}
				var m mirror
				for range 150 {
					now := time.Now().Unix()
					l.put(now, "A", Counts{3, 1, 0})
					l.put(now-40, "B", Counts{0, 1, 0})
					l.put(now-20_000, "C", Counts{1, 0, 0})
					pause(time.Second)
					m.take(v.Look(f, m.revision))
				}
				// Nothing more comes, and all that was late has been asked for again.
				pause(20 * time.Minute)
				m.take(v.Look(f, m.revision))
				if m.last.Filled > m.last.First {
					t.Errorf("read from %d on only, want %d", m.last.Filled, m.last.First)
				}
				if diff := cmp.Diff(l.sums(r, m.last.Head), m.windows); diff != "" {
					t.Errorf("(-stored +shown)\n%s", diff)
				}
				var sum Counts
				for _, c := range m.windows {
					sum.add(c)
				}
				if sum != m.last.Total {
					t.Errorf("the total is %v, the windows have %v", m.last.Total, sum)
				}
			})
		})
	}
}

// runningView is a view that runs until stop, which waits for its end: within the
// bubble of a test.
func runningView(t *testing.T, r reader) (v *View, stop func()) {
	v = newView(Source{}, r)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { v.Run(ctx) })
	return v, func() {
		cancel()
		running.Wait()
	}
}

// What would break: a tweet that has been stored is on the page a second later.
func TestFreshWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		v, stop := runningView(t, l)
		defer stop()
		r, _ := ParseRange("1m")
		defer v.Watch(r)()
		pause(10 * time.Second)
		for range 20 {
			l.put(time.Now().Unix()-1, "A", Counts{1, 0, 0})
			before := v.Look(Filter{Range: r}, 0).Total.Total()
			pause(time.Second)
			if after := v.Look(Filter{Range: r}, 0).Total.Total(); after <= before && after < 20 {
				t.Fatalf("%d tweets after a second, %d before", after, before)
			}
		}
	})
}

// What would break: InfluxDB works for a page that nobody looks at.
func TestNobodyLooksNothingIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		v, stop := runningView(t, l)
		defer stop()
		pause(time.Hour)
		if n := l.times(); n != 0 {
			t.Errorf("asked %d times before anybody looked", n)
		}
		r, _ := ParseRange("24h")
		done := v.Watch(r)
		pause(time.Minute)
		done()
		pause(2 * time.Minute)
		asked := l.times()
		pause(time.Hour)
		if later := l.times(); later != asked || asked == 0 {
			t.Errorf("asked %d times while somebody looked, and %d later", asked, later-asked)
		}
		// Who comes back after that must see what has come since.
		l.put(time.Now().Unix()-1800, "A", Counts{5, 0, 0})
		defer v.Watch(r)()
		pause(10 * time.Second)
		if got := v.Look(Filter{Range: r}, 0).Total; got != (Counts{5, 0, 0}) {
			t.Errorf("%v is shown after a pause, want 5 positive", got)
		}
	})
}

// What would break: pages that come and go, or are opened by a script, make
// InfluxDB work more than one that stays.
func TestViewersThatComeAndGo(t *testing.T) {
	asked := func(stays bool, each time.Duration) (n int) {
		synctest.Test(t, func(t *testing.T) {
			l := &log{}
			v, stop := runningView(t, l)
			defer stop()
			r, _ := ParseRange("1m")
			if stays {
				defer v.Watch(r)()
			}
			pause(time.Minute)
			before := l.times()
			for begin := time.Now(); time.Since(begin) < 20*time.Second; pause(each) {
				v.Watch(r)()
			}
			n = l.times() - before
		})
		return n
	}
	alone := asked(true, 20*time.Second)
	if crowd := asked(true, 5*time.Millisecond); alone == 0 || crowd > alone+5 {
		t.Errorf("%d queries in 20 s with others that come and go, and %d without", crowd, alone)
	}
	if crowd := asked(false, 5*time.Millisecond); crowd > alone+5 {
		t.Errorf("%d queries in 20 s for those that come and go, and %d for one that stays", crowd, alone)
	}
}

// What would break: the page goes on as if nothing were, or never comes back.
func TestProblemsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{err: errors.New("connection refused")}
		v, stop := runningView(t, l)
		defer stop()
		r, _ := ParseRange("1m")
		defer v.Watch(r)()
		pause(time.Minute)
		if p := v.Look(Filter{Range: r}, 0).Status.Problem; p == nil || p.Kind != Unreachable {
			t.Errorf("%v, want a problem", p)
		}
		l.mu.Lock()
		if l.asked > 30 {
			t.Errorf("asked %d times in a minute", l.asked)
		}
		l.err = nil
		l.mu.Unlock()
		pause(2 * retryLongest)
		if status := v.Look(Filter{Range: r}, 0).Status; status.Problem != nil || !status.Asked {
			t.Errorf("%+v after it has come back", status)
		}
	})
}

// A filter shows its brands alone, and share of voice all of them.
func TestFilter(t *testing.T) {
	s := newStore()
	v := newView(Source{}, &log{})
	v.store = s
	s.advance(1000)
	s.forget()
	a := answer{step: 1, from: 990, to: 1001, brands: map[string][]Counts{}}
	a.windows("A")[3] = Counts{1, 2, 3}
	a.windows("B")[3] = Counts{10, 0, 0}
	a.windows("")[3] = Counts{0, 0, 7}
	s.apply("", a)
	r, _ := ParseRange("1m")
	u := v.Look(Filter{Range: r, Brands: []string{"A", "unknown"}}, 0)
	if diff := cmp.Diff([][]int64{{993, 1, 3, 2, 1, 3, 2, 0, 0, 0}}, u.Windows); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Brand{{"B", Counts{10, 0, 0}}, {"A", Counts{1, 2, 3}}, {"", Counts{0, 0, 7}}}, u.Brands); diff != "" {
		t.Error(diff)
	}
}

// What would break: memory grows with the number of brands, or tweets of a brand
// without a place of its own are not counted, or a place is never free again.
func TestBrandTable(t *testing.T) {
	table := newBrandTable()
	brands := map[string][]Counts{}
	for i := range 3 * maxBrands {
		brands[fmt.Sprintf("brand %03d", i)] = []Counts{{int64(i), 0, 0}}
	}
	table.take(brands, func(int) bool { return false })
	if len(table.names) != 1+maxBrands || table.number("brand 119") == other || table.number("brand 000") != other {
		t.Fatalf("%d places; the largest has %d, the smallest %d", len(table.names), table.number("brand 119"), table.number("brand 000"))
	}
	idle := table.number("brand 100")
	table.take(map[string][]Counts{"new": {{1, 0, 0}}, "newer": {{2, 0, 0}}}, func(number int) bool { return number == idle })
	if table.number("newer") != idle || table.number("new") != other || table.number("brand 100") != other {
		t.Errorf("newer has %d, new %d, brand 100 %d; want %d, other, other", table.number("newer"), table.number("new"), table.number("brand 100"), idle)
	}
}

// What would break: a brand is in the list that cannot be asked for.
func TestBrandsThatCannotBeAskedForAreOther(t *testing.T) {
	a := answer{step: 1, from: 0, to: 1, brands: map[string][]Counts{}}
	for _, name := range []string{"T\rea\x00", "\uFFFD", strings.Repeat("a", maxNameBytes), strings.Repeat("a", maxNameBytes+1), strings.Repeat("é", 30_000)} {
		a.windows(name)[0].add(Counts{1, 0, 0})
	}
	for name := range a.brands {
		if name != "" && checkBrand(name) != nil {
			t.Errorf("%.20q of %d bytes is told apart: %v", name, len(name), checkBrand(name))
		}
	}
	if len(a.brands) != 4 || a.brands[""][0] != (Counts{2, 0, 0}) {
		t.Errorf("%d brands, and %v of others", len(a.brands), a.brands[""])
	}
}

// What would break: a link to a moment that the page has not read, or no longer,
// shows an empty one.
func TestMomentBeyondWhatIsKept(t *testing.T) {
	l := &log{}
	now := time.Now().Unix()
	l.put(now-200_000, "A", Counts{1, 2, 3})
	for i := range 2 * maxBrands {
		l.put(now-200_000, fmt.Sprintf("small %03d", i), Counts{0, 0, 1})
	}
	v := newView(Source{}, l)
	r, _ := ParseRange("15m")
	m := v.Moment(t.Context(), Filter{Range: r}, now-200_000)
	if len(m.Brands) != maxBrands+1 || m.Brands[0] != (Brand{"A", Counts{1, 2, 3}}) || m.Brands[maxBrands] != (Brand{"", Counts{0, 0, maxBrands + 1}}) {
		t.Errorf("%+v", m)
	}
	l.err = errors.New("connection refused")
	if m := v.Moment(t.Context(), Filter{Range: r}, now-200_000); m.Problem == nil || m.Brands == nil || m.Tweets == nil {
		t.Errorf("%+v without InfluxDB", m)
	}
}

// pause waits in fake time, and then until all that wakes at the same moment has done its
// part: which of them wakes first is left to chance.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
