//go:build !mutant_commit_before_ack

package kafkabatch

// committable is up to where a partition may be committed: all that lies before
// is acknowledged, and so stored.
func (p *partition) committable() position { return p.acked.at }
