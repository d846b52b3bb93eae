// Package doctor_test puts faults between a shipped pipeline and real servers. The
// doctor must name the right cause first.
package doctor_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// report is what the command prints as JSON.
type report struct {
	Outcome string
	Cause   string
	Checks  []result
	Seconds float64
}

type result struct{ Check, Group, About, Status, Seen, Do, Because, Page string }

// first returns the first failure or, without one, the first warning.
func (r report) first() result {
	for _, status := range []doctor.Status{doctor.StatusFailed, doctor.StatusWarning} {
		for _, one := range r.Checks {
			if one.Status == string(status) {
				return one
			}
		}
	}
	return result{}
}

// of returns the results of a check.
func (r report) of(id doctor.ID) (all []result) {
	for _, one := range r.Checks {
		if one.Check == string(id) {
			all = append(all, one)
		}
	}
	return all
}

// count returns the number of results with one of these outcomes.
func (r report) count(outcomes ...doctor.Status) (n int) {
	for _, one := range r.Checks {
		if slices.Contains(outcomes, doctor.Status(one.Status)) {
			n++
		}
	}
	return n
}

// text writes the results for errors of tests.
func (r report) text() string {
	var b strings.Builder
	for _, one := range r.Checks {
		fmt.Fprintf(&b, "%-8s %-20s %s: %s (%s)\n", one.Status, one.Check, one.About, one.Seen, one.Because)
	}
	return b.String()
}

// examined runs the doctor.
func examined(t *testing.T, command testenv.Command) report {
	t.Helper()
	if command.Args == nil {
		command.Args = []string{"doctor", "--json", "config/exact.yaml"}
	}
	testenv.Binary(t) // it may be built first
	began := time.Now()
	p := testenv.Start(t, command)
	code := p.Wait(t, time.Minute)
	var r report
	if err := json.Unmarshal([]byte(p.Log(t)), &r); err != nil {
		t.Fatalf("exit code %d, %v:\n%s", code, err, p.Log(t))
	}
	if want := map[bool]int{true: 1, false: 0}[r.Outcome == "failed"]; code != want {
		t.Errorf("exit code %d with the outcome %s", code, r.Outcome)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s, and %.1f s by its own clock", took, r.Seconds)
	}
	for _, one := range r.Checks {
		if !slices.Contains(doctor.IDs, doctor.ID(one.Check)) || one.Page != doctor.Page+"#"+one.Check {
			t.Errorf("the check %q links to %s", one.Check, one.Page)
		}
		if (one.Status == "failed" || one.Status == "warning") && (one.Seen == "" || one.Do == "") {
			t.Errorf("%s says neither what was seen nor what to do: %+v", one.Check, one)
		}
	}
	return r
}

// fault is something wrong, and the check that must name it.
type fault struct {
	want doctor.ID
	says string // part of what was seen
	only bool   // nothing else is reported: the rest follows from it
	env  map[string]string
	edit func(pipeline string) string // changes exact.yaml
	args []string                     // before the pipeline
	path string                       // of another program than the doctor
}

// with returns the variables of a healthy pipeline, some of them replaced.
func with(healthy map[string]string, changes ...string) map[string]string {
	env := maps.Clone(healthy)
	for i := 0; i+1 < len(changes); i += 2 {
		env[changes[i]] = changes[i+1]
	}
	return env
}

func (f fault) run(t *testing.T) {
	t.Helper()
	command := testenv.Command{Env: f.env}
	if f.edit != nil {
		edited := f.edit(exact(t))
		if edited == exact(t) {
			t.Fatal("the edit changes nothing")
		}
		file := t.TempDir() + "/pipeline.yaml"
		writeFile(t, file, []byte(edited))
		command.Args = []string{"doctor", "--json", file}
	}
	if f.path != "" {
		command.Path, command.Args = f.path, f.args
	}
	r := examined(t, command)
	first := r.first()
	if first.Check != string(f.want) || !strings.Contains(first.Seen, f.says) {
		t.Errorf("the first is %s: %s\n  want %s: …%s…\n%s", first.Check, first.Seen, f.want, f.says, r.text())
	}
	if n := r.count(doctor.StatusFailed, doctor.StatusWarning); f.only && n != 1 {
		t.Errorf("%d faults are reported, want one:\n%s", n, r.text())
	}
}

// runAll runs faults.
func runAll(t *testing.T, faults map[string]fault) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time they wait
			faults[name].run(t)
		})
	}
}

// replaced is an edit that replaces texts.
func replaced(pairs ...string) func(string) string {
	return func(pipeline string) string { return strings.NewReplacer(pairs...).Replace(pipeline) }
}

// exact returns the shipped pipeline.
func exact(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(testenv.Root(t) + "/config/exact.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
