package mutants_test

import (
	"regexp"
)

// mutant is a build of the program that breaks a rule.
type mutant struct {
	tag    string // of the build; its file is named *_mutant.go
	breaks string
	// scenario must fail, with says: a fault that lasted too long or a program that
	// does not start is not what was looked for.
	scenario string
	says     *regexp.Regexp
}

// What a sample and the last comparison say.
var (
	unstored = regexp.MustCompile(`is committed, up to \d+, and no coverage point has it`)
	above    = regexp.MustCompile(`InfluxDB holds \d+ tweets, and Kafka \d+|\d+ tweets in all is above \d+`)
)

var mutants = []mutant{
	{"mutant_commit_before_ack", "commits what was handed on and not acknowledged", "F06", unstored},
	{"mutant_ignored_nack", "takes a nack for an acknowledgement", "F26", unstored},
	{"mutant_partial_block", "writes counts that grow under one key", "F06", unstored},
	{"mutant_random_slot", "draws the nanosecond of a point", "F03", above},
	{"mutant_trailing_bytes", "lets bytes follow a tweet", "F01", above},
}
