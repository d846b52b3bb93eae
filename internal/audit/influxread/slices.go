package influxread

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxSeries bounds how many series are distinguished. InfluxDB itself has a default
// limit of 1 million per database (max-series-per-database of 1.8).
const maxSeries = 2_000_000

var errFull = errors.New("the slice has too many rows")

// slices reads a range in slices that fit in memory, and passes each on in the order of
// series, time and field, without repeated rows. A slice that is too large is split at
// the median of the times read so far, so the slices follow the density of the data.
func (r *Reader) slices(ctx context.Context, q query, do func(found []cell, series []map[string]string) error) error {
	s := slicer{numbers: map[string]int{}, found: make([]cell, 0, 1024), limit: r.options.SliceRows}
	pending := []int64{q.to}
	for from := q.from; len(pending) > 0; {
		to := pending[len(pending)-1]
		s.found, s.from, s.to = s.found[:0], from, to
		q.from, q.to = from, to
		err := r.rows(ctx, q, s.add)
		switch {
		case errors.Is(err, errFull):
			middle := s.middle(from, to)
			if middle <= from || middle >= to {
				return fmt.Errorf("reading %s: more than %d values have the time %d", q.measurement, s.limit, from)
			}
			pending = append(pending, middle)
			continue
		case err != nil:
			return fmt.Errorf("reading %s from InfluxDB at %s: %w", q.measurement, r.base.Redacted(), err)
		}
		if err := do(s.once(), s.series); err != nil {
			return err
		}
		pending = pending[:len(pending)-1]
		from = to
	}
	return nil
}

type slicer struct {
	found   []cell
	from    int64
	to      int64
	limit   int
	numbers map[string]int // of the series, by their tags
	series  []map[string]string
	last    int
}

// add adds a row to the slice. Flux of 1.8.10 also returns a point at the end of a
// range, which belongs to the next slice.
func (s *slicer) add(r row) error {
	if r.nanos < s.from || r.nanos >= s.to && s.to != MaxNanos {
		return nil
	}
	if len(s.found) >= s.limit {
		return errFull
	}
	number, err := s.number(r.tags)
	if err != nil {
		return err
	}
	s.found = append(s.found, cell{nanos: r.nanos, value: r.value, series: number, field: r.field})
	return nil
}

func (s *slicer) number(tags map[string]string) (int, error) {
	if len(s.series) > 0 && sameMap(s.series[s.last], tags) {
		return s.last, nil
	}
	key := keyOf(tags)
	n, ok := s.numbers[key]
	if !ok {
		if len(s.series) >= maxSeries {
			return 0, fmt.Errorf("there are more than %d series", maxSeries)
		}
		n = len(s.series)
		s.numbers[key] = n
		s.series = append(s.series, tags)
	}
	s.last = n
	return n, nil
}

func sameMap(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			return false
		}
	}
	return true
}

// keyOf returns a text that differs for different tags. In InfluxDB, an empty tag does
// not exist.
func keyOf(tags map[string]string) string {
	names := make([]string, 0, len(tags))
	for name, value := range tags {
		if value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var key strings.Builder
	for _, name := range names {
		key.WriteString(strconv.Quote(name))
		key.WriteString(strconv.Quote(tags[name]))
	}
	return key.String()
}

// middle returns the median of the times in the slice, or the middle of the range if
// the median would split nothing off.
func (s *slicer) middle(from, to int64) int64 {
	slices.SortFunc(s.found, func(a, b cell) int { return compareCells(cell{nanos: a.nanos}, cell{nanos: b.nanos}) })
	middle := s.found[len(s.found)/2].nanos
	if middle > from {
		return middle
	}
	return from + int64(uint64(to-from)/2)
}

// once returns the cells in order, without repetitions.
func (s *slicer) once() []cell {
	slices.SortStableFunc(s.found, compareCells)
	return slices.CompactFunc(s.found, func(a, b cell) bool { return compareCells(a, b) == 0 })
}
