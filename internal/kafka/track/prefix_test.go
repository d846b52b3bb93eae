package track

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever the order of acknowledgements, and whoever acknowledges twice, what
// may be committed ends before the first batch that is not acknowledged.
func TestPrefixEndsBeforeTheFirstThatIsNotAcknowledged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type tracked struct {
			end    int64
			number int64
			acked  bool
			skip   bool
		}
		start := rapid.Int64Range(0, 100).Draw(t, "start")
		p := prefix{at: Position{Offset: start}}
		var all []tracked
		end := start
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				end += rapid.Int64Range(1, 5).Draw(t, "records")
				all = append(all, tracked{end: end, number: p.add(Position{Offset: end})})
			},
			"skip": func(t *rapid.T) {
				end += rapid.Int64Range(1, 5).Draw(t, "records")
				p.skip(Position{Offset: end})
				all = append(all, tracked{end: end, acked: true, skip: true})
			},
			"ack": func(t *rapid.T) {
				var numbers []int
				for i, b := range all {
					if !b.skip {
						numbers = append(numbers, i)
					}
				}
				if len(numbers) == 0 {
					t.Skip("nothing to acknowledge")
				}
				i := rapid.SampledFrom(numbers).Draw(t, "which")
				all[i].acked = true
				p.ack(all[i].number)
			},
			"": func(t *rapid.T) {
				want := start
				for _, b := range all {
					if !b.acked {
						break
					}
					want = b.end
				}
				if p.at.Offset != want {
					t.Fatalf("the prefix ends at %d, want %d: %+v", p.at.Offset, want, all)
				}
			},
		})
	})
}

// A partition that runs for long must not keep what is acknowledged.
func TestPrefixForgetsWhatIsAcknowledged(t *testing.T) {
	var p prefix
	var waiting []int64
	for i := range int64(100_000) {
		waiting = append(waiting, p.add(Position{Offset: i + 1}))
		if len(waiting) == 10 {
			for j := range waiting {
				p.ack(waiting[len(waiting)-1-j])
			}
			waiting = waiting[:0]
		}
	}
	if p.at.Offset != 100_000 || len(p.spans) != 0 || cap(p.spans) > 100 {
		t.Errorf("at %d with %d spans in room for %d", p.at.Offset, len(p.spans), cap(p.spans))
	}
}
