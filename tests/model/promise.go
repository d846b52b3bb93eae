package model

import (
	"cmp"
	"slices"

	"pgregory.net/rapid"
)

// check checks what must hold after every step: committed <= InfluxDB <= log, by
// second, brand and sentiment. If the design has a law, each key is absent or right,
// and the keys of committed batches exist.
func (m *machine) check(t *rapid.T) {
	stored, all := m.influx.counts(), m.log.all()
	for c := range cells {
		if stored.at(c) > all.at(c) {
			m.fail(t, "TWICE: InfluxDB has %d %s, the log %d", stored.at(c), c, all.at(c))
		}
	}
	committed := m.log.below(func(p *partition) int64 { return m.group.committed[p.index] })
	for c := range cells {
		if stored.at(c) < committed.at(c) {
			m.fail(t, "LOST: InfluxDB has %d %s, and %d are committed", stored.at(c), c, committed.at(c))
		}
	}
	if m.design.law != nil {
		m.checkKeys(t)
	}
}

// checkKeys checks the law that the promise rests on: every point is write-once.
func (m *machine) checkKeys(t *rapid.T) {
	var wrong []point
	for k, p := range m.influx.stored {
		if right, ok := m.right[k]; !ok || p.fields != right {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) > 0 {
		p := slices.MinFunc(wrong, func(a, b point) int {
			return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.nanos, b.nanos))
		})
		m.fail(t, "WRONG: InfluxDB holds %s, right is %q", p, m.right[p.key])
	}
	for _, p := range m.log.partitions {
		for i, b := range p.batches {
			if b.last >= m.group.committed[p.index] {
				break
			}
			for _, point := range m.lawful[p.index][i] {
				if _, ok := m.influx.stored[point.key]; !ok {
					m.fail(t, "LOST: %s of %s is committed, but missing", point, p)
				}
			}
		}
	}
}

// rest lets the system come to rest: one process, new or not, reads everything and
// resends what was lost, and everything in flight arrives, in any order. Then
// everything must be exact.
func (m *machine) rest(t *rapid.T) {
	w := draw(t, "who", append(m.alive(), nil))
	for _, other := range m.alive() {
		if other != w {
			other.forget()
		}
	}
	if w == nil {
		w = m.start()
		m.story.step("all processes stop, and %s starts for all partitions", w.name)
	} else {
		m.story.step("all processes but %s stop, which gets all partitions", w.name)
	}
	owners := make([]*worker, len(m.log.partitions))
	for i := range owners {
		owners[i] = w
	}
	m.commits = nil
	m.group.rebalance([]*worker{w}, owners)
	for m.settle(t, w) {
		m.check(t)
	}
	m.checkExact(t)
}

// settle takes one step towards rest, and reports whether there was one.
func (m *machine) settle(t *rapid.T, w *worker) bool {
	var steps []func()
	for _, at := range m.readable() {
		steps = append(steps, func() { m.readAt(t, at) })
	}
	for _, r := range m.requests {
		steps = append(steps, func() { m.arrive(r, true, false) })
	}
	for _, r := range w.unstored() {
		if !slices.ContainsFunc(m.requests, func(on *request) bool { return slices.Contains(on.of, r) }) {
			steps = append(steps, func() {
				m.story.step("%s gets no response", w.name)
				m.send(w, []*reading{r})
			})
		}
	}
	for i, c := range w.claims {
		if c.prefix > m.group.committed[i] {
			steps = append(steps, func() {
				commit := commit{w, w.generation, m.log.partitions[i], c.prefix}
				m.story.step("%s", commit)
				m.accept(commit)
			})
		}
	}
	if len(steps) == 0 {
		return false
	}
	draw(t, "step", steps)()
	return true
}

// checkExact checks what must hold at rest.
func (m *machine) checkExact(t *rapid.T) {
	stored, all := m.influx.counts(), m.log.all()
	for c := range cells {
		if stored.at(c) != all.at(c) {
			m.fail(t, "LOST: all is read and delivered, and InfluxDB has %d %s, the log %d", stored.at(c), c, all.at(c))
		}
	}
	if m.design.covers {
		m.checkCoverage(t)
	}
}

// span is the content of a batch's coverage point.
type span struct{ base, last, records, counted, undecodable int64 }

// checkCoverage reads the coverage points as an auditor does who has only InfluxDB: in
// each partition they follow each other without overlap, leave out only what the log
// leaves out, and their sum is that of the tweets.
func (m *machine) checkCoverage(t *rapid.T) {
	type source struct {
		tag       string
		partition int64
	}
	spans := map[source][]span{}
	var counted, tweets int64
	for _, p := range m.influx.stored {
		if !p.of(measurementCoverage) {
			tweets += p.count
			continue
		}
		of := source{tag(p.series, "src"), field(p.fields, "partition")}
		s := span{field(p.fields, "base"), field(p.fields, "last"), field(p.fields, "records"), field(p.fields, "counted"), field(p.fields, "undecodable")}
		spans[of] = append(spans[of], s)
		counted += s.counted
	}
	if counted != tweets {
		m.fail(t, "COVERAGE: %d tweets are covered, %d are stored", counted, tweets)
	}
	var want, got []span
	for _, of := range spans {
		slices.SortFunc(of, func(a, b span) int { return cmp.Compare(a.base, b.base) })
		for i, s := range of {
			if i > 0 && s.base <= of[i-1].last {
				m.fail(t, "COVERAGE: offsets %d to %d overlap those up to %d", s.base, s.last, of[i-1].last)
			}
			if s.records != s.counted+s.undecodable {
				m.fail(t, "COVERAGE: of %d records %d are counted and %d undecodable", s.records, s.counted, s.undecodable)
			}
		}
		got = append(got, of...)
	}
	for _, p := range m.log.partitions {
		for _, b := range p.batches {
			s := span{base: b.base, last: b.last, records: int64(len(b.records))}
			for _, r := range b.records {
				if r.broken {
					s.undecodable++
				} else {
					s.counted++
				}
			}
			want = append(want, s)
		}
	}
	order := func(a, b span) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.last, b.last), cmp.Compare(a.counted, b.counted))
	}
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if !slices.Equal(want, got) {
		m.fail(t, "COVERAGE: the batches are %v, the coverage points %v", want, got)
	}
}
