package brandview

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestSpikes(t *testing.T) {
	with := func(values []int64, at map[int]int64) []int64 {
		for i, v := range at {
			values[i] = v
		}
		return values
	}
	for name, c := range map[string]struct {
		volumes []int64
		want    []Mark
	}{
		"a steady stream has none":                     {flat(40, 1000), nil},
		"a little more is no spike":                    {with(flat(40, 1000), map[int]int64{30: 1400}), nil},
		"far more is one":                              {with(flat(40, 1000), map[int]int64{30: 3000}), []Mark{{Spike, 160, 3}}},
		"windows that follow each other are one":       {with(flat(40, 1000), map[int]int64{30: 3000, 31: 5000, 32: 2000}), []Mark{{Spike, 162, 5}}},
		"two apart are two":                            {with(flat(40, 1000), map[int]int64{20: 3000, 30: 4000}), []Mark{{Spike, 140, 3}, {Spike, 160, 4}}},
		"few tweets are no spike":                      {with(flat(40, 1), map[int]int64{30: 19}), nil},
		"out of nothing it has no ratio":               {with(with(flat(40, 0), map[int]int64{0: 5}), map[int]int64{30: 100}), []Mark{{Spike, 160, 0}}},
		"before the first tweet nothing is known":      {with(flat(40, 0), map[int]int64{30: 1000, 31: 1000}), nil},
		"a new level is usual after a while":           {append(flat(30, 1000), flat(30, 4000)...), []Mark{{Spike, 160, 4}}},
		"a noisy stream needs more than its own noise": {alternating(40, 500, 1500), nil},
		"too little came before to know what is usual": {[]int64{1, 1, 1, 1000}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, spikes(100, 2, c.volumes)); diff != "" {
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
			for _, m := range inversions(0, 1, c.windows) {
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
		marks := marksOf(first, step, windows, head)
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
