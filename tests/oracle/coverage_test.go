package oracle_test

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
)

// If this fails, a batch that was left out, counted twice or counted in part is not
// noticed.
func TestCoverageThatIsWrongIsFound(t *testing.T) {
	topic := &oracle.Topic{
		// 4 is a marker, 5 and 6 were aborted, 7 is a marker.
		Offsets:     map[int32][]int64{0: {0, 1, 2, 3, 8, 9}, 3: {0}},
		Filtered:    map[int32][]int64{0: {9}},
		Undecodable: []oracle.Undecodable{{Partition: 0, Offset: 3}},
	}
	good := oracle.Coverage{
		{Partition: 0, Base: 0, Last: 1, Records: 2, Counted: 2},
		{Partition: 0, Base: 2, Last: 3, Records: 2, Counted: 1, Undecodable: 1},
		{Partition: 0, Base: 8, Last: 9, Records: 2, Counted: 1, Filtered: 1},
		{Partition: 3, Base: 0, Last: 0, Records: 1, Counted: 1},
	}
	if err := good.Tiles(topic); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c oracle.Coverage) oracle.Coverage{
		"gap":                  func(c oracle.Coverage) oracle.Coverage { return append(c[:1], c[2:]...) },
		"end is missing":       func(c oracle.Coverage) oracle.Coverage { return append(c[:2], c[3]) },
		"partition is missing": func(c oracle.Coverage) oracle.Coverage { return c[:3] },
		"overlap":              func(c oracle.Coverage) oracle.Coverage { c[0] = oracle.Span{Last: 2, Records: 3, Counted: 3}; return c },
		"rolled back counted":  func(c oracle.Coverage) oracle.Coverage { c[2].Base, c[2].Records, c[2].Counted = 5, 5, 5; return c },
		"records":              func(c oracle.Coverage) oracle.Coverage { c[0].Records++; return c },
		"filtered is a letter": func(c oracle.Coverage) oracle.Coverage { c[2].Undecodable, c[2].Filtered = 1, 0; return c },
		"filtered is counted":  func(c oracle.Coverage) oracle.Coverage { c[2].Counted, c[2].Filtered = 2, 0; return c },
		"counted":              func(c oracle.Coverage) oracle.Coverage { c[1].Counted, c[1].Undecodable = 2, 0; return c },
		"beyond the end": func(c oracle.Coverage) oracle.Coverage {
			return append(c, oracle.Span{Partition: 3, Base: 1, Last: 1, Records: 1, Counted: 1})
		},
	} {
		if err := spoil(append(oracle.Coverage(nil), good...)).Tiles(topic); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
	if err := good[:2].Covers(topic, map[int32]int64{0: 8}); err != nil {
		t.Error(err)
	}
	if err := good[:2].Covers(topic, map[int32]int64{0: 9}); err == nil {
		t.Error("offset 8 is committed and not stored: not found")
	}
}
