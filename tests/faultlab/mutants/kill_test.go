package mutants_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var (
	kill    = flag.Bool("kill", false, "run each mutant in the scenario that must notice")
	only    = flag.String("mutant", "", "this one only, if not empty")
	seed    = flag.Uint64("seed", 1, "of the scenarios")
	control = flag.Bool("control", true, "run each scenario without a mutant as well")
	logs    = flag.String("logs", "", "folder for all that the runs print, if not empty")
)

// If this fails, the laboratory does not notice that a rule of the promise is broken,
// or it fails whatever the program does.
func TestMutants(t *testing.T) {
	if !*kill {
		t.Skip("a run of the laboratory for each: make faultlab-mutants")
	}
	var results []result
	healthy := map[string]bool{}
	root := testenv.Root(t)
	for _, m := range mutants {
		if *only != "" && *only != m.name {
			continue
		}
		if *control && !healthy[m.scenario] {
			healthy[m.scenario] = true
			t.Run("none/"+m.scenario, func(t *testing.T) {
				r := laboratory(t, "", "", m.scenario)
				results = append(results, r)
				if !r.passed {
					t.Errorf("it fails without a mutant:\n%s", r.tail(60))
				}
			})
		}
		t.Run(m.name+"/"+m.scenario, func(t *testing.T) {
			r := laboratory(t, m.name, m.overlay(t, root), m.scenario)
			r.breaks, r.found = m.breaks, lineWith(m.says, r.printed)
			results = append(results, r)
			switch {
			case r.passed:
				t.Errorf("nobody notices that it %s", m.breaks)
			case r.found == "":
				t.Errorf("it fails for another reason than %q:\n%s", m.says, r.tail(60))
			}
		})
	}
	fmt.Println(table(results))
}

// result is a run of a scenario.
type result struct {
	mutant, breaks, scenario string // "": no mutant
	printed                  string
	passed                   bool
	found                    string // the expected text, as printed
	took                     time.Duration
}

// testOf returns the test that has a scenario.
func testOf(scenario string) string {
	if strings.HasPrefix(scenario, "P") {
		return "TestWriteFaults"
	}
	return "TestFaults"
}

// laboratory runs a scenario with the program that overlay changes.
func laboratory(t *testing.T, mutant, overlay, scenario string) result {
	t.Helper()
	began, test := time.Now(), testOf(scenario)
	c := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-timeout", "8m", "-run", "^"+test+"$", "-v", ".")
	c.Dir = ".."
	c.Env = append(os.Environ(),
		"BRANDPULSE_TEST_OVERLAY="+overlay,
		"BRANDPULSE_TEST_FULL=",
		"BRANDPULSE_FAULTLAB_SCENARIO="+scenario,
		fmt.Sprintf("BRANDPULSE_FAULTLAB_SEED=%d", *seed),
	)
	out, err := c.CombinedOutput()
	r := result{mutant: mutant, scenario: scenario, printed: string(out), passed: err == nil, took: time.Since(began)}
	if *logs != "" {
		name := filepath.Join(*logs, fmt.Sprintf("%s-%s-%d.log", r.name(), scenario, *seed))
		if err := os.WriteFile(name, out, 0o600); err != nil {
			t.Error(err)
		}
	}
	switch {
	case strings.Contains(r.printed, "--- SKIP: "):
		t.Skipf("the laboratory has no servers:\n%s", r.tail(20))
	case !strings.Contains(r.printed, test+"/"+scenario+"/"):
		t.Fatalf("%s has not run:\n%s", scenario, r.tail(60))
	case err != nil && (!errors.As(err, new(*exec.ExitError)) || !strings.Contains(r.printed, "--- FAIL: "+test+"/"+scenario+"/")):
		t.Fatalf("%s has not come to an end: %v\n%s", scenario, err, r.tail(60))
	}
	return r
}

func (r *result) name() string { return cmp.Or(r.mutant, "none") }

// tail returns the end of the output.
func (r *result) tail(lines int) string {
	all := strings.Split(r.printed, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// place is the prefix of go test before a test's message.
var place = regexp.MustCompile(`^\s*\w+\.go:\d+: `)

// lineWith returns the first line with a match, without its prefix.
func lineWith(says *regexp.Regexp, printed string) string {
	for line := range strings.Lines(printed) {
		if says.MatchString(line) {
			return strings.TrimSpace(place.ReplaceAllString(line, ""))
		}
	}
	return ""
}

// table returns a table in Markdown.
func table(results []result) string {
	slices.SortStableFunc(results, func(a, b result) int { return min(len(a.mutant), 1) - min(len(b.mutant), 1) })
	var text strings.Builder
	text.WriteString("| mutant | breaks the rule: it | scenario | seed | outcome | what failed |\n|---|---|---|--:|---|---|\n")
	for _, r := range results {
		outcome := "fails"
		if r.passed {
			outcome = "passes"
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %d | %s, %.0f s | %s |\n",
			r.name(), r.breaks, r.scenario, *seed, outcome, r.took.Seconds(), r.found)
	}
	return text.String()
}
