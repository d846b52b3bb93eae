//go:build mutant_ignored_nack

package kafkabatch

// unstored breaks the rule that a batch that was not stored is handed on again:
// it takes every answer for an acknowledgement, so that what an output gave up
// is committed. It exists to show that the fault laboratory notices, see
// tests/faultlab/mutants.
func unstored(error) bool { return false }
