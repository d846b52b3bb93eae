package model

// commit is an OffsetCommit in flight.
type commit struct {
	sender     *worker
	generation int
	partition  *partition
	offset     int64
}

// group is the consumer group, as the broker sees it.
type group struct {
	// fenced: commits of old generations are rejected, as by a broker. The correct
	// designs must hold without it.
	fenced     bool
	generation int
	members    []*worker
	owners     []*worker // by partition, nil: nobody
	committed  []int64   // by partition
}

func (g *group) has(w *worker) bool {
	for _, m := range g.members {
		if m == w {
			return true
		}
	}
	return false
}

// accept stores a commit, in the order of arrival: an older one of the same generation
// sets the group back.
func (g *group) accept(c commit) bool {
	if g.fenced && c.generation != g.generation {
		return false
	}
	g.committed[c.partition.index] = c.offset
	return true
}

// rebalance begins a generation. owners has the owner of each partition. A member keeps
// its claim if it owned the partition until now, and otherwise begins at the committed
// offset. Members that are left out do not know it.
func (g *group) rebalance(members, owners []*worker) {
	g.generation++
	before := g.owners
	g.members, g.owners = members, owners
	for _, w := range members {
		w.generation = g.generation
		for i, owner := range owners {
			switch {
			case owner != w:
				w.claims[i] = nil
			case before[i] != w || w.claims[i] == nil:
				w.claims[i] = &claim{position: g.committed[i], prefix: g.committed[i]}
			}
		}
	}
}
