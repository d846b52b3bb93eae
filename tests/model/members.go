package model

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// maxAlive is the most processes that run at a time.
const maxAlive = 3

func (m *machine) alive() (out []*worker) {
	for _, w := range m.workers {
		if !w.dead {
			out = append(out, w)
		}
	}
	return out
}

// join: a process starts, or one that was left out returns, and the group rebalances.
// The group then notices dead members.
func (m *machine) join(t *rapid.T) {
	outside := slices.DeleteFunc(m.alive(), m.group.has)
	if len(m.alive()) < maxAlive {
		outside = append(outside, nil)
	}
	if len(outside) == 0 {
		t.Skip("all are members")
	}
	w := draw(t, "who", outside)
	if w == nil {
		w = m.start()
		m.story.step("%s starts", w.name)
	} else {
		w.forget()
		m.story.step("%s joins again", w.name)
	}
	m.rebalance(t, append(m.living(nil), w))
}

// start starts a process.
func (m *machine) start() *worker {
	w := &worker{name: string(rune('A' + len(m.workers)%26)), claims: make([]*claim, len(m.log.partitions))}
	m.workers = append(m.workers, w)
	return w
}

// living returns the members that take part in a new generation.
func (m *machine) living(without *worker) (out []*worker) {
	for _, w := range m.group.members {
		if !w.dead && w != without {
			out = append(out, w)
		}
	}
	return out
}

// rebalance assigns the partitions to members. Most stay where they are, if possible.
func (m *machine) rebalance(t *rapid.T, members []*worker) {
	owners := make([]*worker, len(m.log.partitions))
	var moved []string
	for i, p := range m.log.partitions {
		if len(members) == 0 {
			break
		}
		owners[i] = m.group.owners[i]
		if !slices.Contains(members, owners[i]) || chance(t, 3, "moves") {
			owners[i] = draw(t, "owner", members)
		}
		if owners[i] != m.group.owners[i] {
			moved = append(moved, p.String()+" to "+owners[i].name)
		}
	}
	m.group.rebalance(members, owners)
	if len(moved) > 0 {
		m.story.add("; the group gives %s", strings.Join(moved, ", "))
	}
}

// unrest: something happens to a process or to the group.
func (m *machine) unrest(t *rapid.T) {
	var can []func(*rapid.T)
	if len(m.group.members) > 0 {
		can = append(can, m.loseMember)
	}
	if len(m.zombies()) > 0 {
		can = append(can, m.learn)
	}
	if len(m.committed()) > 0 {
		can = append(can, m.reset)
	}
	if len(m.alive()) > 0 {
		can = append(can, m.crash)
	}
	if len(can) == 0 {
		t.Skip("nothing to disturb")
	}
	draw(t, "what", can)(t)
}

// loseMember: a member leaves gracefully, or is removed because it was paused or
// disconnected. It then does not know, and continues when it wakes up.
func (m *machine) loseMember(t *rapid.T) {
	w := draw(t, "who", m.group.members)
	switch {
	case w.dead:
		m.story.step("the group finds that %s is dead", w.name)
	case rapid.Bool().Draw(t, "leaves"):
		w.forget()
		m.story.step("%s leaves", w.name)
	default:
		m.story.step("%s is paused and removed from the group, and does not know", w.name)
	}
	m.rebalance(t, m.living(w))
}

// crash: a process is killed. Its requests stay in flight, and the group does not know
// yet.
func (m *machine) crash(t *rapid.T) {
	w := draw(t, "who", m.alive())
	w.dead = true
	w.forget()
	m.story.step("%s is killed", w.name)
}

// zombies returns processes that are alive and believe to own something, but are not in
// the group.
func (m *machine) zombies() (out []*worker) {
	for _, w := range m.alive() {
		if !m.group.has(w) && w.claimed() {
			out = append(out, w)
		}
	}
	return out
}

// learn: a process that was removed learns of it, and stops reading.
func (m *machine) learn(t *rapid.T) {
	w := draw(t, "who", m.zombies())
	w.forget()
	m.story.step("%s learns that it was removed", w.name)
}

// committed returns the partitions with committed offsets.
func (m *machine) committed() (out []*partition) {
	for i, p := range m.log.partitions {
		if m.group.committed[i] > p.start {
			out = append(out, p)
		}
	}
	return out
}

// reset: an operator resets the offset of a partition to any value. That needs a group
// without members; some of those may only be paused.
func (m *machine) reset(t *rapid.T) {
	p := draw(t, "partition", m.committed())
	to := rapid.Int64Range(p.start, m.group.committed[p.index]-1).Draw(t, "offset")
	m.empty(rapid.Bool().Draw(t, "members stop"))
	m.group.committed[p.index] = to
	if b := p.batchAt(to); b.base < to {
		m.seen[resetInside] = true
	}
	m.story.add("; the group's offset of %s is reset to %d", p, to)
}

// empty removes all members from the group, gracefully or not.
func (m *machine) empty(stop bool) {
	how := "all members are paused and removed, and do not know"
	if stop {
		how = "all members stop"
		for _, w := range m.group.members {
			w.forget()
		}
	}
	m.story.step("%s", how)
	m.group.rebalance(nil, make([]*worker, len(m.log.partitions)))
}
