package audit_test

import (
	"os/exec"
	"strings"
	"testing"
)

const (
	module  = "github.com/brandpulse/brandpulse-connect/"
	audited = module + "internal/audit"
)

// The audit is only worth something while it shares no code of ours with what it
// audits: a mistake in a shared package would be made on both sides.
func TestTheAuditSharesNoCodeWithThePipeline(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", audited+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for dependency := range strings.Lines(string(out)) {
		dependency = strings.TrimSpace(dependency)
		switch {
		case dependency == audited, strings.HasPrefix(dependency, audited+"/"):
			ours++
		case strings.HasPrefix(dependency, module):
			t.Errorf("the audit uses %s", dependency)
		case strings.HasPrefix(dependency, "github.com/redpanda-data/"), strings.HasPrefix(dependency, "github.com/twmb/avro"):
			// Of other people's code: Benthos, and the Avro library of the pipeline.
			t.Errorf("the audit uses %s, as the pipeline does", dependency)
		}
	}
	if ours < 3 {
		t.Errorf("only %d packages of the audit were looked at", ours)
	}
}
