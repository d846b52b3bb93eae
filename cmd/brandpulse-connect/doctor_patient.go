package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/doctor/machine"
)

// configGroup is the group of the checks of the configuration.
const configGroup = "configuration"

// patient is a pipeline and the checks of it.
type patient struct {
	name   string // of the file
	text   []byte
	linter *configlint.Linter

	checks  []*doctor.Check
	closers []func()

	unsafe     []configlint.Finding // variables that YAML would alter
	wrong      []configlint.Finding // what lint reports
	unreadable error                // why its components could not be listed
	components []*component
	// unparsed are components that refuse their settings, with the reason; unknown are
	// stock components with settings that doctor cannot read.
	unparsed, unknown []string

	kafkas []*kafkaOf
	window *auditSettings // of sentiment_window; nil: none, or several
	// changed names a processor before sentiment_window, which may change the records.
	changed   string
	inFlight  int64
	registry  *doctor.Check
	influxURL map[string]bool // addresses of InfluxDB, and whether a login is sent there
}

// component is a component of the pipeline.
type component struct {
	kind, name, path string
	node             *service.WalkedComponent
	group            string // of the checks of its connection; empty: none
}

// examine reads the configuration and makes the checks.
func (p *patient) examine() {
	p.influxURL = map[string]bool{}
	if p.unsafe = p.linter.Safe(p.text); len(p.unsafe) == 0 {
		p.linter.SkipEnvVarCheck = true // config-variables reports them
		p.wrong = p.linter.All(p.text).Findings
		p.list()
	}
	p.configChecks()
	p.checks = append(p.checks, p.port())
	if len(p.unsafe) == 0 && p.unreadable == nil {
		p.readComponents()
	}
	p.machineChecks()
	p.componentsCheck()
	slices.SortStableFunc(p.checks, func(a, b *doctor.Check) int { return groupOrder(a) - groupOrder(b) })
}

// groupOrder puts the groups into the order of what depends on what.
func groupOrder(c *doctor.Check) int {
	switch {
	case c.Group == configGroup:
		return 0
	case c.Group == machine.Group:
		return 1
	case c.Group == registryGroup:
		return 2
	case strings.HasPrefix(string(c.ID), "kafka-"):
		return 3
	}
	return 4
}

func (p *patient) close() {
	for _, one := range p.closers {
		one()
	}
}

// runnable reports whether a run would get as far as making its components.
func (p *patient) runnable() bool {
	return len(p.unsafe) == 0 && len(p.wrong) == 0 && p.unreadable == nil
}

// list lists the components of the pipeline.
func (p *patient) list() {
	schema := schema("", "")
	querier := schema.NewConfigQuerier()
	file, err := querier.ParseYAML(string(p.text))
	if err != nil {
		p.unreadable = err
		return
	}
	sections := map[string]any{}
	for _, name := range pipelineSections {
		section, err := file.FieldAtPath(name)
		if err != nil {
			continue
		}
		if sections[name], err = section.FieldAny(); err != nil {
			p.unreadable = err
			return
		}
	}
	p.unreadable = schema.NewStreamConfigWalker().WalkComponentsAny(sections, func(w *service.WalkedComponent) error {
		p.components = append(p.components, &component{kind: w.ComponentType, name: w.Name, path: w.Path, node: w})
		return nil
	})
}

// readComponents makes the checks of the components that this package knows.
func (p *patient) readComponents() {
	p.readWindow()
	for _, c := range p.components {
		var err error
		switch {
		case c.kind == "input" && slices.Contains([]string{"kafka_batches", "redpanda", "kafka_franz"}, c.name):
			err = p.kafkaInput(c)
		case c.kind == "output" && slices.Contains([]string{"kafka_batches", "redpanda", "kafka_franz"}, c.name):
			err = p.kafkaOutput(c)
		}
		p.note(c, err)
	}
	p.registryCheck()
	p.kafkaChecks()
	for _, c := range p.components {
		if c.kind == "output" && c.name == "influxdb" {
			p.note(c, p.influxChecks(c))
		}
	}
}

func (p *patient) note(c *component, err error) {
	if err == nil {
		return
	}
	into := &p.unparsed
	if c.name == "redpanda" || c.name == "kafka_franz" {
		into = &p.unknown
	}
	*into = append(*into, fmt.Sprintf("%s at %s: %v", c.name, c.path, err))
}

// readWindow reads the only sentiment_window of the pipeline.
func (p *patient) readWindow() {
	var windows []*component
	input := ""
	for _, c := range p.components {
		switch {
		case c.kind == "processor" && c.name == "sentiment_window":
			windows = append(windows, c)
		case c.kind == "input" && input == "":
			input = c.name
		case c.kind == "processor" && len(windows) == 0 && (strings.HasPrefix(c.path, "input") || strings.HasPrefix(c.path, "pipeline")):
			p.changed = c.name
		}
	}
	if len(windows) != 1 {
		return
	}
	parsed, err := componentConfig(windows[0].node, auditWindowSpec())
	s := &auditSettings{input: input}
	if err == nil {
		err = s.readWindow(parsed)
	}
	if err != nil {
		p.note(windows[0], err)
		return
	}
	p.window = s
}

// machineChecks adds the checks of this machine.
func (p *patient) machineChecks() {
	need := machine.Need{InFlightBytes: p.inFlight, Dirs: []string{os.TempDir()}}
	if dir, err := os.Getwd(); err == nil {
		need.Dirs = append(need.Dirs, dir)
	}
	for _, k := range p.kafkas {
		need.Connections += 8 * len(k.connection.Config.Seeds)
	}
	need.Connections += 16 * len(p.influxURL)
	p.checks = append(p.checks, machine.Checks(need)...)
}

// componentsCheck reports components whose settings could not be read.
func (p *patient) componentsCheck() {
	check := &doctor.Check{ID: doctor.ConfigComponents, Group: configGroup, Offline: true}
	check.Run = func(context.Context) doctor.Finding {
		switch {
		case len(p.wrong) > 0, len(p.unsafe) > 0, p.unreadable != nil:
			return doctor.Skipped("the mistakes above come first")
		case len(p.unparsed) > 0:
			return doctor.Failed("Correct these settings: the component would not start.", "%s", strings.Join(p.unparsed, "; "))
		case len(p.unknown) > 0:
			return doctor.Skipped("the connections of these components are tested only as a whole, since doctor does not know their settings: %s", strings.Join(p.unknown, "; "))
		}
		return doctor.OK("%d components", len(p.components))
	}
	p.checks = append(p.checks, check)
}
