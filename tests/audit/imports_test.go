package audit_test

import (
	"os/exec"
	"strings"
	"testing"
)

const (
	module  = "github.com/brandpulse/brandpulse-connect/"
	audited = module + "internal/audit"
	// mappings evaluates the mapping of a pipeline, whose meaning Benthos defines. Only
	// this package may link Benthos.
	mappings = audited + "/usermapping"
)

// The audit is only useful while it shares no code of ours with the pipeline: a mistake
// in a shared package would be made on both sides.
func TestTheAuditSharesNoCodeWithThePipeline(t *testing.T) {
	packages := goList(t, audited+"/...")
	if len(packages) < 6 {
		t.Errorf("only %q were checked", packages)
	}
	for _, looked := range packages {
		for _, dependency := range goList(t, "-deps", looked) {
			switch {
			case dependency == audited, strings.HasPrefix(dependency, audited+"/"):
				if dependency == mappings && looked != mappings {
					t.Errorf("%s uses %s, and so links Benthos", looked, dependency)
				}
			case strings.HasPrefix(dependency, module):
				t.Errorf("%s uses %s", looked, dependency)
			case looked == mappings && strings.HasPrefix(dependency, "github.com/redpanda-data/benthos/"):
			case strings.HasPrefix(dependency, "github.com/redpanda-data/"), strings.HasPrefix(dependency, "github.com/twmb/avro"):
				// Libraries that the audit must not share: Benthos, and the Avro
				// library of the pipeline.
				t.Errorf("%s uses %s, as the pipeline does", looked, dependency)
			}
		}
	}
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
