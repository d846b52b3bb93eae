package model

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"
)

// place is a partition that a worker reads.
type place struct {
	worker    *worker
	partition *partition
}

// readable returns the places with records to read, for workers that believe to own
// them.
func (m *machine) readable() (out []place) {
	for _, w := range m.alive() {
		for i, c := range w.claims {
			p := m.log.partitions[i]
			if c == nil || p.batchAt(c.position) == nil || m.design.serial && len(c.readings) > 0 {
				continue
			}
			out = append(out, place{w, p})
		}
	}
	return out
}

// read: a worker continues in a partition and writes what it has read.
func (m *machine) read(t *rapid.T) {
	places := m.readable()
	if len(places) == 0 {
		t.Skip("nothing to read")
	}
	at := draw(t, "where", places)
	m.readAt(t, at)
}

func (m *machine) readAt(t *rapid.T, at place) {
	c := at.worker.claims[at.partition.index]
	r := m.design.read(t, at.partition, c.position)
	m.story.step("%s reads offsets %d to %d of %s", at.worker.name, r.from, r.next-1, r.partition)
	c.position = r.next
	c.readings = append(c.readings, r)
	if m.design.commitsReads {
		c.prefix = c.position
	}
	m.fold(t, at.worker, r)
	m.send(at.worker, []*reading{r})
}

// fold computes the points of a reading again.
func (m *machine) fold(t *rapid.T, w *worker, r *reading) {
	points, err := m.design.write(t, w, r)
	if err != nil {
		t.Fatal(err)
	}
	r.points = points
}

// send puts a write request in flight.
func (m *machine) send(w *worker, of []*reading) {
	m.sent++
	r := &request{id: m.sent, sender: w, of: of}
	for _, part := range of {
		r.points = append(r.points, part.points...)
	}
	m.requests = append(m.requests, r)
	m.story.add(" and sends write #%d: %s", r.id, r.points)
}

// waiting returns the living workers with unacked writes.
func (m *machine) waiting() (out []*worker) {
	for _, w := range m.alive() {
		if len(w.unstored()) > 0 {
			out = append(out, w)
		}
	}
	return out
}

// resend: a worker has waited too long for a response and sends the same bytes again,
// those of several readings in one request if they are adjacent. The first request may
// still be in flight.
func (m *machine) resend(t *rapid.T) {
	waiting := m.waiting()
	if len(waiting) == 0 {
		t.Skip("all is acked")
	}
	w := draw(t, "who", waiting)
	of := w.unstored()
	if !rapid.Bool().Draw(t, "all") {
		of = []*reading{draw(t, "which", of)}
	}
	m.story.step("%s gets no response", w.name)
	m.send(w, of)
}

// nack: the pipeline fails a reading, and the input redelivers it. The failed write may
// have arrived or not, or may still arrive.
func (m *machine) nack(t *rapid.T) {
	waiting := m.waiting()
	if len(waiting) == 0 {
		t.Skip("all is acked")
	}
	w := draw(t, "who", waiting)
	r := draw(t, "which", w.unstored())
	m.story.step("offsets %d to %d of %s are nacked to %s", r.from, r.next-1, r.partition, w.name)
	if rapid.Bool().Draw(t, "never arrives") {
		for _, failed := range m.requests {
			if slices.Contains(failed.of, r) {
				m.drop(failed)
				m.story.add(", write #%d will never arrive", failed.id)
				break
			}
		}
	}
	switch {
	case m.design.nackIsAck:
		m.ack(r)
		return
	case m.design.retriesPart:
		r.records = r.records[rapid.IntRange(0, len(r.records)-1).Draw(t, "records that passed"):]
	}
	m.fold(t, w, r)
	m.story.add(", which folds them again")
	m.send(w, []*reading{r})
}

// ack marks a reading as stored, and moves the prefixes over it.
func (m *machine) ack(r *reading) {
	r.stored = true
	for _, w := range m.workers {
		if c := w.claims[r.partition.index]; c != nil {
			c.settle()
		}
	}
}

// deliver: a request arrives, whenever it was sent. InfluxDB may store only a part of
// it, the response may be lost, and a copy may arrive again.
func (m *machine) deliver(t *rapid.T) {
	if len(m.requests) == 0 {
		t.Skip("nothing is in flight")
	}
	r := draw(t, "which", m.requests)
	if len(r.points) > 1 && chance(t, 5, "partly") {
		var part points
		for _, p := range r.points {
			if rapid.Bool().Draw(t, "stored") {
				part = append(part, p)
			}
		}
		m.influx.apply(part)
		m.seen[partStored] = true
		m.story.step("InfluxDB stores %d of the %d points of %s, and fails", len(part), len(r.points), r)
		return
	}
	m.arrive(r, !chance(t, 4, "response lost"), chance(t, 4, "copied"))
}

func (m *machine) arrive(r *request, answered, copied bool) {
	m.noteArrival(r)
	m.influx.apply(r.points)
	m.story.step("InfluxDB stores %s", r)
	if answered {
		for _, of := range r.of {
			m.ack(of)
		}
	} else {
		m.story.add(", the response is lost")
	}
	r.copied = copied
	if copied {
		m.story.add(", and a copy is still in flight")
	} else {
		m.drop(r)
	}
}

func (m *machine) noteArrival(r *request) {
	if r.sender.dead {
		m.seen[deadStored] = true
	}
	if r.copied {
		m.seen[copyStored] = true
	}
	for _, of := range r.of {
		i := of.partition.index
		if of.next <= m.group.committed[i] {
			m.seen[lateStored] = true
		}
		if owner := m.group.owners[i]; owner != nil && owner != r.sender && r.sender.claims[i] != nil {
			m.seen[zombieStored] = true
		}
	}
}

func (m *machine) drop(r *request) {
	m.requests = slices.DeleteFunc(m.requests, func(other *request) bool { return other == r })
}

// loseWrite: a request never arrives.
func (m *machine) loseWrite(t *rapid.T) {
	if len(m.requests) == 0 {
		t.Skip("nothing is in flight")
	}
	r := draw(t, "which", m.requests)
	m.drop(r)
	m.story.step("%s is lost", r)
}

// commit: a worker commits the acked prefix of a partition. The commit may arrive late,
// or never.
func (m *machine) commit(t *rapid.T) {
	var places []place
	for _, w := range m.alive() {
		for i, c := range w.claims {
			if c != nil && c.prefix > m.group.committed[i] {
				places = append(places, place{w, m.log.partitions[i]})
			}
		}
	}
	if len(places) == 0 {
		t.Skip("nothing to commit")
	}
	at := draw(t, "where", places)
	c := commit{at.worker, at.worker.generation, at.partition, at.worker.claims[at.partition.index].prefix}
	m.story.step("%s", c)
	if rapid.Bool().Draw(t, "delayed") {
		m.commits = append(m.commits, c)
		m.story.add(", which is in flight")
		return
	}
	m.accept(c)
}

// lateCommit: a delayed commit arrives, possibly after later ones.
func (m *machine) lateCommit(t *rapid.T) {
	if len(m.commits) == 0 {
		t.Skip("none is in flight")
	}
	i := rapid.IntRange(0, len(m.commits)-1).Draw(t, "which")
	c := m.commits[i]
	m.commits = slices.Delete(m.commits, i, i+1)
	m.story.step("late: %s", c)
	m.accept(c)
}

func (m *machine) accept(c commit) {
	before := m.group.committed[c.partition.index]
	switch {
	case !m.group.accept(c):
		m.seen[commitRefused] = true
		m.story.add(", rejected: of an old generation")
		return
	case c.generation != m.group.generation:
		m.seen[commitOld] = true
	}
	if c.offset < before {
		m.seen[commitBack] = true
	}
}

func (c commit) String() string {
	return fmt.Sprintf("%s commits offset %d of %s", c.sender.name, c.offset, c.partition)
}
