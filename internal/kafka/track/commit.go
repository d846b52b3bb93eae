package track

// Commit is what to commit of a partition.
type Commit struct {
	Partition *Partition
	At        Position
	Metadata  CommitMetadata
}

// commit must be called with mu held.
func (t *Tracker) commit(p *Partition, clean bool) Commit {
	return Commit{p, p.committable(), CommitMetadata{t.conf.Fingerprint, clean, TopicIDText(p.TopicID)}}
}

// committable returns where the partition may be committed: everything before it is
// acknowledged, and so stored.
func (p *Partition) committable() Position { return p.acked.at }

// Acknowledged returns what was acknowledged and is not committed.
func (t *Tracker) Acknowledged() (commits []Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.held() {
		if p.announced && p.committable().Offset > p.committed {
			commits = append(commits, t.commit(p, false))
		}
	}
	return commits
}

// Beginnings returns what to commit of partitions that begin, to announce that
// batches may be delivered.
func (t *Tracker) Beginnings(claims []*Claim) (commits []Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range claims {
		if p := c.Partition; !p.lost && p.step == Start && p.begun && !p.announced {
			commits = append(commits, t.commit(p, false))
		}
	}
	return commits
}

// Committed notes that the group has a commit.
func (t *Tracker) Committed(c Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Partition.committed = c.At.Offset
	c.Partition.announced = true
	t.conf.Topics[c.Partition.Topic].committed = true
}
