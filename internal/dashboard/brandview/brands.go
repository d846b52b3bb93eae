package brandview

import (
	"cmp"
	"slices"
)

// maxBrands is how many brands are told apart. All others are one, so memory
// does not grow with what is tweeted about.
const maxBrands = 40

// other is the number of all brands that are not told apart.
const other = 0

// brandTable gives brands numbers below 1 + maxBrands.
type brandTable struct {
	names   []string // by number; the first is that of other, and empty
	numbers map[string]int
}

func newBrandTable() brandTable {
	return brandTable{names: []string{""}, numbers: map[string]int{"": other}}
}

// take gives numbers to the brands of an answer that have none yet, the largest
// first, as long as there are any. idle tells that a number counts nothing any
// more, so that another brand may have it.
func (t *brandTable) take(brands map[string][]Counts, idle func(number int) bool) {
	type brand struct {
		name  string
		total int64
	}
	var unknown []brand
	for name, windows := range brands {
		if _, known := t.numbers[name]; known {
			continue
		}
		b := brand{name: name}
		for _, counts := range windows {
			b.total += counts.Total()
		}
		unknown = append(unknown, b)
	}
	slices.SortFunc(unknown, func(a, b brand) int {
		return cmp.Or(cmp.Compare(b.total, a.total), cmp.Compare(a.name, b.name))
	})
	free := 1
	for _, b := range unknown {
		if len(t.names) <= maxBrands {
			t.numbers[b.name] = len(t.names)
			t.names = append(t.names, b.name)
			continue
		}
		for free <= maxBrands && !idle(free) {
			free++
		}
		if free > maxBrands {
			return
		}
		delete(t.numbers, t.names[free])
		t.names[free], t.numbers[b.name] = b.name, free
		free++
	}
}

// number of a brand; other where it has none of its own.
func (t *brandTable) number(name string) int { return t.numbers[name] }
