package oracle

import (
	"maps"
	"strings"
	"testing"
)

func TestDifferencesAreNamed(t *testing.T) {
	a, b := Key{1, "SuperCoffee", "positive"}, Key{2, "SuperCoffee", "negative"}
	for name, c := range map[string]struct {
		got, want       Counts
		equal, notAbove string // expected error; empty: none
	}{
		"same":    {Counts{a: 1, b: 2}, Counts{b: 2, a: 1}, "", ""},
		"less":    {Counts{a: 1}, Counts{a: 1, b: 2}, "1 tweets in all differs from 3; 1 of the counts:\n  2 SuperCoffee negative: 0, not 2", ""},
		"more":    {Counts{a: 1, b: 3}, Counts{a: 1, b: 2}, "2 SuperCoffee negative: 3, not 2", "2 SuperCoffee negative: 3, not 2"},
		"unknown": {Counts{a: 1}, Counts{}, "1 SuperCoffee positive: 1, not 0", "1 SuperCoffee positive: 1, not 0"},
		// A total that is right must not hide it.
		"moved": {Counts{a: 2, b: 1}, Counts{a: 1, b: 2}, "3 tweets in all differs from 3; 2 of", "1 of the counts:\n  1 SuperCoffee positive: 2, not 1"},
	} {
		for want, err := range map[*string]error{&c.equal: Equal(c.got, c.want), &c.notAbove: NotAbove(c.got, c.want)} {
			if (err == nil) != (*want == "") || err != nil && !strings.Contains(err.Error(), *want) {
				t.Errorf("%s: %v, want %q", name, err, *want)
			}
		}
	}
	sums := Counts{a: 1, b: 2, {3, "Other", "negative"}: 4}.BySentiment()
	if !maps.Equal(sums, map[string]int64{"positive": 1, "negative": 6}) {
		t.Error(sums)
	}
}
