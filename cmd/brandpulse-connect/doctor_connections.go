package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Components test their own connections. Some stock outputs dial in their constructors
// and do not stop at a deadline, so this happens in a child process, which can be killed.

// tested is the result of a component's own test.
type tested struct {
	Path, Label string
	Err         string
	Untestable  bool
}

// connectionsCommand is the child. It reads a pipeline from stdin and prints results as
// JSON.
func connectionsCommand() *cli.Command {
	return &cli.Command{Name: "doctor-connections", Hidden: true, Action: func(c *cli.Context) error {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		results, err := connectionTests(c.Context, string(text))
		if err != nil {
			results = append(results, tested{Err: err.Error()})
		}
		return json.NewEncoder(os.Stdout).Encode(results)
	}}
}

func connectionTests(ctx context.Context, text string) (results []tested, err error) {
	builder := components().NewStreamBuilder()
	builder.SetSchema(schema(versionAndDate()))
	builder.SetEnvVarLookupFunc(os.LookupEnv)
	builder.DisableLinting() // config-lint has done it
	if err := builder.SetYAML(text); err != nil {
		return nil, fmt.Errorf("reading the pipeline: %w", err)
	}
	builder.SetLogger(slog.New(slog.DiscardHandler))
	stream, err := builder.Build()
	if err != nil {
		return nil, fmt.Errorf("making the components: %w", err)
	}
	tests, err := stream.ConnectionTest(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the components: %w", err)
	}
	for _, t := range tests {
		result := tested{Path: strings.Join(t.Path, "."), Label: t.Label, Untestable: errors.Is(t.Err, service.ErrConnectionTestNotSupported)}
		if t.Err != nil {
			result.Err = t.Err.Error()
		}
		results = append(results, result)
	}
	return results, nil
}

// testConnections runs the child until ctx ends, and kills it then with everything that
// it has started.
func testConnections(ctx context.Context, text []byte) []tested {
	self, err := os.Executable()
	if err != nil {
		return []tested{{Err: fmt.Sprintf("finding this program: %v", err), Untestable: true}}
	}
	cmd := exec.CommandContext(ctx, self, "doctor-connections")
	process.OwnGroup(cmd)
	runtime.LockOSThread() // see OwnGroup
	defer runtime.UnlockOSThread()
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &errOut
	err = cmd.Run()
	var results []tested
	switch {
	case ctx.Err() != nil:
		return []tested{{Err: "no answer in time"}}
	case json.Unmarshal(out.Bytes(), &results) == nil:
		return results
	}
	return []tested{{Err: fmt.Sprintf("the test ended with %v: %s", err, lastLine(errOut.String()))}}
}

// connectionGroup is the group of the components' own tests.
const connectionGroup = "connection tests of the components"

// connections returns the results of the components' own tests. A component whose
// connection has a group of checks is not repeated if one of these failed.
func (p *patient) connections(results []tested, report *doctor.Report) (all []doctor.Result) {
	add := func(about, because string, f doctor.Finding) {
		all = append(all, doctor.Result{ID: doctor.Connection, Group: connectionGroup, About: about, Because: because, Finding: f})
	}
	var without []string
	var ok []string
	for _, t := range results {
		c := p.componentAt(t.Path)
		about := t.Path
		if c.name != "" {
			about = c.name + " at " + t.Path
		}
		because := report.CauseIn(c.group)
		if t.Path == "" && because == "" { // the pipeline as a whole
			because = report.Cause
		}
		switch {
		case t.Untestable:
			if !slices.Contains(without, c.name) {
				without = append(without, c.name)
			}
		case t.Err == "":
			ok = append(ok, about)
		case because != "":
			add(about, because, doctor.Skipped("needs %s", because))
		case t.Path == "":
			add("", "", doctor.Failed("A run would end with this error, or wait as long. If it names no component: remove them one by one to find it.", "%s", t.Err))
		default:
			add(about, "", doctor.Failed("The component would not start, or would wait. Its page has its settings: https://docs.redpanda.com/redpanda-connect/components/about, or docs/components for our own.", "%s", t.Err))
		}
	}
	if len(ok) > 0 {
		add("", "", doctor.OK("%s", strings.Join(ok, ", ")))
	}
	if len(without) > 0 {
		add("", "", doctor.Skipped("%s: without a connection test", strings.Join(without, ", ")))
	}
	return all
}

func (p *patient) componentAt(path string) *component {
	for _, c := range p.components {
		if c.path == path {
			return c
		}
	}
	return &component{}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
