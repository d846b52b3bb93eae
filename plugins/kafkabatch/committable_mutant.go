//go:build mutant_commit_before_ack

package kafkabatch

// committable breaks the rule that nothing is committed before it is
// acknowledged: it commits what was handed on, which a crash then loses. It
// exists to show that the fault laboratory notices, see tests/faultlab/mutants.
func (p *partition) committable() position {
	at := p.acked.at
	at.offset = max(at.offset, p.handed)
	return at
}
