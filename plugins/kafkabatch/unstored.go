//go:build !mutant_ignored_nack

package kafkabatch

// unstored tells whether a batch must be handed on again: whatever the error is,
// some of the batch may not be stored.
func unstored(err error) bool { return err != nil }
