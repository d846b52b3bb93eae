package brandview

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func flat(n int, value int64) []int64 {
	values := make([]int64, n)
	for i := range values {
		values[i] = value
	}
	return values
}

func alternating(n int, values ...int64) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = values[i%len(values)]
	}
	return all
}

// What would break: a spike is missing, or the start of a feed is one.
func TestSpikes(t *testing.T) {
	type spike struct {
		Start int64
		Ratio float64
	}
	with := func(values []int64, at map[int]int64) []int64 {
		for i, v := range at {
			values[i] = v
		}
		return values
	}
	for name, c := range map[string]struct {
		volumes []int64
		want    []spike
	}{
		"a steady stream has none":                     {flat(40, 1000), nil},
		"a little more is no spike":                    {with(flat(40, 1000), map[int]int64{30: 1400}), nil},
		"far more is one":                              {with(flat(40, 1000), map[int]int64{30: 3000}), []spike{{160, 3}}},
		"windows that follow each other are one":       {with(flat(40, 1000), map[int]int64{30: 3000, 31: 5000, 32: 2000}), []spike{{162, 5}}},
		"two apart are two":                            {with(flat(40, 1000), map[int]int64{20: 3000, 30: 4000}), []spike{{140, 3}, {160, 4}}},
		"few tweets are no spike":                      {with(flat(40, 1), map[int]int64{30: 19}), nil},
		"out of nothing it is none":                    {with(with(flat(40, 0), map[int]int64{0: 5}), map[int]int64{30: 100}), nil},
		"a feed that starts is none":                   {append(with(flat(30, 0), map[int]int64{0: 1, 9: 3}), flat(30, 1000)...), nil},
		"a feed that starts again is none":             {append(append(flat(30, 1000), flat(14, 0)...), flat(30, 1000)...), nil},
		"few windows with tweets tell nothing":         {append(alternating(30, 0, 0, 90), flat(3, 1000)...), nil},
		"most windows with tweets do":                  {with(alternating(40, 0, 90, 90), map[int]int64{30: 900}), []spike{{160, 10}}},
		"before the first tweet nothing is known":      {with(flat(40, 0), map[int]int64{30: 1000, 31: 1000}), nil},
		"a new level is usual after a while":           {append(flat(30, 1000), flat(30, 4000)...), []spike{{160, 4}}},
		"a noisy stream needs more than its own noise": {alternating(40, 500, 1500), nil},
		"too little came before to know what is usual": {[]int64{1, 1, 1, 1000}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []spike
			for _, p := range spikes(100, 2, c.volumes) {
				got = append(got, spike{p.start, float64(p.volume) / p.usual})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInversions(t *testing.T) {
	positive, negative, balanced, few := Counts{70, 30, 0}, Counts{30, 70, 0}, Counts{50, 50, 100}, Counts{0, 9, 0}
	for name, c := range map[string]struct {
		windows []Counts
		want    []int64
	}{
		"the same sign all the time":            {[]Counts{positive, positive, positive, positive}, nil},
		"a new sign that stays":                 {[]Counts{positive, positive, positive, negative, negative, negative}, []int64{3}},
		"a new sign that goes again":            {[]Counts{positive, positive, positive, negative, negative, positive, positive}, nil},
		"there and back":                        {[]Counts{positive, positive, positive, negative, negative, negative, positive, positive, positive}, []int64{3, 6}},
		"few tweets are no sign":                {[]Counts{positive, positive, positive, few, few, few, few}, nil},
		"and do not end one":                    {[]Counts{positive, positive, positive, negative, few, negative, few, negative}, []int64{3}},
		"a balanced window ends what had begun": {[]Counts{positive, positive, positive, negative, negative, balanced, negative, negative}, nil},
		"what was first is no change":           {[]Counts{negative, negative, negative}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int64
			for _, m := range inversions(0, 1, c.windows, nil) {
				got = append(got, m.Start)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What would break: marks out of order or outside of the range, or more of them
// than are bounded.
func TestMarksLieInTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const first, step = 1000, 5
		windows := make([]Counts, rapid.IntRange(1, 400).Draw(t, "windows"))
		for i := range windows {
			for s := range windows[i] {
				windows[i][s] = rapid.SampledFrom([]int64{0, 1, 10, 100, 10000}).Draw(t, "count")
			}
		}
		head := first + int64(len(windows))*step + rapid.Int64Range(-10, 10).Draw(t, "head")
		half := make([]Counts, len(windows))
		for i, c := range windows {
			half[i] = Counts{c[0] / 2, c[1], c[2] / 3}
		}
		apart := rapid.Bool().Draw(t, "apart")
		marks := marksOf(first, step, windows, []series{{"A", half}, {"B", windows}}, apart, head)
		if len(marks) > 2*maxMarks {
			t.Fatalf("%d marks", len(marks))
		}
		for i, m := range marks {
			if m.Start < first || m.Start+step > head-settling || (m.Start-first)%step != 0 {
				t.Fatalf("a mark at %d, outside of %d to %d", m.Start, first, head)
			}
			if i > 0 && m.Start < marks[i-1].Start {
				t.Fatal("marks are not in order")
			}
			if m.Kind == Inversion && (m.Value < -1 || m.Value > 1) {
				t.Fatalf("net sentiment %v", m.Value)
			}
		}
	})
}

// What would break: a spike of one brand is told of all, a spike of several brands is
// told several times, or one that only their sum shows is not told.
func TestSpikesAreAttributed(t *testing.T) {
	of := func(at map[int]int64) (windows []Counts) {
		for i := range 60 {
			n, ok := at[i]
			if !ok {
				n = 100
			}
			windows = append(windows, Counts{n, 0, 0})
		}
		return windows
	}
	noisy := func(high int) (windows []Counts) {
		for i := range 60 {
			n := int64(100)
			if i%2 == 0 {
				n = 200
			}
			if i == high {
				n = 299
			}
			windows = append(windows, Counts{n, 0, 0})
		}
		return windows
	}
	for name, c := range map[string]struct {
		brands []series
		want   []Mark
	}{
		"one of two":      {[]series{{"A", of(nil)}, {"B", of(map[int]int64{30: 400})}}, []Mark{{Spike, 30, 4, []string{"B"}}}},
		"both, B more":    {[]series{{"A", of(map[int]int64{30: 300})}, {"B", of(map[int]int64{31: 400})}}, []Mark{{Spike, 31, 4, []string{"B", "A"}}}},
		"each in turn":    {[]series{{"A", of(map[int]int64{30: 300})}, {"B", of(map[int]int64{40: 400})}}, []Mark{{Spike, 30, 3, []string{"A"}}, {Spike, 40, 4, []string{"B"}}}},
		"one brand alone": {[]series{{"A", of(map[int]int64{30: 300})}}, []Mark{{Spike, 30, 3, []string{"A"}}}},
		// Of 300 at any time, none of them has far more than its own noise.
		"only their sum": {[]series{{"A", noisy(30)}, {"B", noisy(31)[1:]}}, []Mark{{Spike, 30, 1.99, []string{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			sum := make([]Counts, 59)
			for i := range sum {
				for _, b := range c.brands {
					sum[i].add(b.windows[i])
				}
			}
			if diff := cmp.Diff(c.want, marksOf(0, 1, sum, c.brands, false, 1000), cmpopts.EquateApprox(0.01, 0)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What would break: with several brands drawn over each other, an inversion is that of
// their sum.
func TestInversionsAreAttributed(t *testing.T) {
	var rising, falling, sum []Counts
	for i := range 40 {
		positive, negative := int64(70), int64(30)
		if i >= 20 {
			positive, negative = negative, positive
		}
		falling = append(falling, Counts{positive, negative, 0})
		rising = append(rising, Counts{9 * negative, 9 * positive, 0})
		sum = append(sum, falling[i])
		sum[i].add(rising[i])
	}
	brands := []series{{"A", rising}, {"B", falling}}
	type inversion struct {
		brands string
		value  float64
	}
	for apart, want := range map[bool][]inversion{true: {{"A", 0.4}, {"B", -0.4}}, false: {{"", 0.32}}} {
		var got []inversion
		for _, m := range marksOf(0, 1, sum, brands, apart, 1000) {
			got = append(got, inversion{strings.Join(m.Brands, "+"), m.Value})
		}
		if !slices.Equal(got, want) {
			t.Errorf("drawn apart %v: %v, want %v", apart, got, want)
		}
	}
}

// What would break: a spike at the edge of the chart is judged by fewer windows than
// one in its middle, so that it comes and goes as time passes.
func TestASpikeDoesNotDependOnTheEdge(t *testing.T) {
	s := newStore()
	v := newView(Source{}, &log{})
	v.store = s
	const head = 100_000
	s.advance(head)
	s.forget()
	a := answer{step: 1, from: head - 200, to: head + 1, brands: map[string][]Counts{}}
	for i := range a.windows("A") {
		a.windows("A")[i] = Counts{100, 0, 0}
	}
	r, _ := ParseRange("1m")
	a.windows("A")[200-r.Windows+3] = Counts{400, 0, 0}
	s.apply("", a)
	want := []Mark{{Spike, head - int64(r.Windows) + 3, 4, []string{"A"}}}
	if diff := cmp.Diff(want, v.Look(Filter{Range: r}, 0).Marks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1e9)
		c := Counts{n.Draw(t, "positive"), n.Draw(t, "negative"), n.Draw(t, "neutral")}
		swapped := Counts{c[1], c[0], c[2]}
		if net := c.Net(); net < -1 || net > 1 || net != -swapped.Net() {
			t.Fatalf("net of %v is %v, and %v swapped", c, net, swapped.Net())
		}
	})
	if got := (Counts{50, 30, 20}).Net(); got != 0.2 {
		t.Errorf("net of 50, 30, 20 is %v, want 0.2", got)
	}
}
