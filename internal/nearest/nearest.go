// Package nearest finds the name that a mistyped one was meant to be, for errors.
package nearest

import (
	"slices"
	"strings"
)

// Name returns the name that was probably meant, or "".
func Name(name string, names []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, candidate := range names {
		d := distance(name, candidate)
		if len(name) >= 3 && strings.HasPrefix(candidate, name) {
			d = 1
		}
		if d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance returns the number of letters to change, add, remove or swap with their
// neighbour.
func distance(a, b string) int {
	var before, last []int
	for j := range len(b) + 1 {
		last = append(last, j)
	}
	for i := range len(a) {
		row := []int{i + 1}
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d := min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row = append(row, d)
		}
		before, last = last, slices.Clone(row)
	}
	return last[len(b)]
}
