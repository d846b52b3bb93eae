package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/sr"
	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/doctor/machine"
)

// configChecks adds the checks of the configuration, which need no network.
func (p *patient) configChecks() {
	add := func(id doctor.ID, run func(context.Context) doctor.Finding, needs ...*doctor.Check) *doctor.Check {
		check := &doctor.Check{ID: id, Group: configGroup, Offline: true, Run: run, Needs: needs}
		p.checks = append(p.checks, check)
		return check
	}
	read := add(doctor.ConfigRead, func(context.Context) doctor.Finding {
		if len(strings.TrimSpace(string(p.text))) == 0 {
			return doctor.Failed("Name another file, or create a pipeline with brandpulse-connect create.", "%s is empty", p.name)
		}
		return doctor.OK("%s has %d bytes", p.name, len(p.text))
	})
	variables := add(doctor.ConfigVariables, p.variables, read)
	lint := add(doctor.ConfigLint, p.lint, variables)
	add(doctor.ConfigFiles, p.files, lint)
	add(doctor.ConfigPlaintext, p.plaintext, lint)
	add(doctor.ConfigRetention, p.keeps, lint)
}

func (p *patient) variables(context.Context) doctor.Finding {
	findings := append(slices.Clone(p.unsafe), p.linter.Unset(p.text)...)
	if len(findings) > 0 {
		return doctor.Failed("Set the variables for this command as for a run, or give them a default: ${NAME:default}.", "%s", p.located(findings))
	}
	return doctor.OK("all variables have a value or a default")
}

func (p *patient) lint(context.Context) doctor.Finding {
	switch {
	case len(p.wrong) > 0:
		return doctor.Failed(fmt.Sprintf("Correct them: %s lint prints all, one per line.", binaryName), "%s", p.located(p.wrong))
	case p.unreadable != nil:
		return doctor.Failed("Correct the YAML.", "%s cannot be read: %v", p.name, p.unreadable)
	}
	return doctor.OK("no mistakes found by lint")
}

// located returns the first findings.
func (p *patient) located(findings []configlint.Finding) string {
	const most = 5
	var lines []string
	for _, f := range findings[:min(most, len(findings))] {
		lines = append(lines, located(p.name, f))
	}
	if more := len(findings) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "; ")
}

// files checks that the files of secrets, certificates and schemas can be read.
func (p *patient) files(context.Context) doctor.Finding {
	named := map[string]string{} // field by path
	for _, c := range p.components {
		var root yaml.Node
		if yaml.Unmarshal([]byte(c.node.ConfigYAML()), &root) == nil {
			namedFiles(&root, named)
		}
	}
	var unreadable []string
	for _, path := range slices.Sorted(maps.Keys(named)) {
		if err := readable(path); err != nil {
			unreadable = append(unreadable, fmt.Sprintf("%s %s: %v", named[path], path, err))
		}
	}
	if len(unreadable) > 0 {
		return doctor.Failed("Correct the path, or allow the user that runs the pipeline to read the file.", "%s", strings.Join(unreadable, "; "))
	}
	if len(named) == 0 {
		return doctor.OK("it names no files of secrets, certificates or schemas")
	}
	return doctor.OK("all %d files of secrets, certificates and schemas can be read", len(named))
}

// namedFiles collects the values of fields that name a file to read.
func namedFiles(node *yaml.Node, named map[string]string) {
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i].Value, node.Content[i+1]
			if !strings.HasSuffix(key, "_file") && !strings.HasSuffix(key, "_files") {
				continue
			}
			for _, one := range append([]*yaml.Node{value}, value.Content...) {
				if one.Kind == yaml.ScalarNode && one.Value != "" && !strings.Contains(one.Value, "${!") {
					named[one.Value] = key
				}
			}
		}
	}
	for _, child := range node.Content {
		namedFiles(child, named)
	}
}

// readable reads the first byte of a regular file. Another kind could block.
func readable(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if err != nil {
		return reasonOfPath(err)
	}
	defer file.Close()
	switch _, err := file.Read(make([]byte, 1)); err {
	case nil:
		return nil
	case io.EOF:
		return errors.New("it is empty")
	default:
		return reasonOfPath(err)
	}
}

// reasonOfPath returns an error without the path, which is named beside it.
func reasonOfPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// plaintext reports passwords and tokens that cross a network readable.
func (p *patient) plaintext(context.Context) doctor.Finding {
	var exposed []string
	for _, k := range p.kafkas {
		if k.connection.Config.HasLogin() && k.connection.Config.TLS == nil && slices.ContainsFunc(k.connection.Config.Seeds, beyondThisMachine) {
			exposed = append(exposed, fmt.Sprintf("the login to Kafka at %s", strings.Join(k.connection.Config.Seeds, ", ")))
		}
	}
	for address, login := range p.influxURL {
		if login && exposes(address) {
			exposed = append(exposed, "the token of InfluxDB at "+address)
		}
	}
	if p.window != nil && p.window.registry != nil && len(p.window.registry.OptValues(sr.BasicAuth)) > 0 {
		addresses, _ := p.window.registry.OptValue(sr.URLs).([]string)
		for _, address := range addresses {
			if exposes(address) {
				exposed = append(exposed, "the password of the schema registry at "+address)
			}
		}
	}
	if len(exposed) > 0 {
		slices.Sort(exposed)
		return doctor.Warning("Use TLS: tls.enabled: true for Kafka, an address that begins with https:// for InfluxDB and the schema registry.", "not encrypted: %s", strings.Join(exposed, "; "))
	}
	return doctor.OK("no login to Kafka, InfluxDB or the schema registry leaves this machine unencrypted")
}

// exposes reports whether requests to an address cross a network readable.
func exposes(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && beyondThisMachine(u.Host)
}

// beyondThisMachine reports whether an address is not of this machine.
func beyondThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// keeps compares retention and bounds that the configuration has: with create_bucket, the
// output creates a bucket that rejects what sentiment_window lets through.
func (p *patient) keeps(context.Context) doctor.Finding {
	compared := false
	spec := service.NewConfigSpec().Fields(service.NewBoolField("create_bucket").Default(false), service.NewDurationField("retention").Default("0s"))
	for _, c := range p.components {
		if c.kind != "output" || c.name != "influxdb" {
			continue
		}
		parsed, err := componentConfig(c.node, spec)
		if err != nil {
			continue // config-components reports it
		}
		create, _ := parsed.FieldBool("create_bucket")
		retention, _ := parsed.FieldDuration("retention")
		if !create || retention == 0 || p.window == nil {
			continue
		}
		compared = true
		before := p.window.bounds.Before
		if p.window.bounds.Min.IsZero() && before == nil || before != nil && *before > retention {
			return doctor.Warning("Set timestamp_bounds.before_record of sentiment_window to less than the retention, or lengthen the retention.",
				"the output creates a bucket that keeps points for %s, and timestamp_bounds lets older tweets through: InfluxDB would reject their points", retention)
		}
	}
	if !compared {
		return doctor.Skipped("no output sets the retention of its bucket, so InfluxDB has to tell it")
	}
	return doctor.OK("the bounds of timestamps fit the retention")
}

// port checks that the HTTP server can listen on its address, or that a pipeline runs
// there already.
func (p *patient) port() *doctor.Check {
	return &doctor.Check{ID: doctor.MachinePort, Group: machine.Group, Run: func(ctx context.Context) doctor.Finding {
		h := p.http()
		if !h.enabled {
			return doctor.OK("the HTTP server is disabled")
		}
		err := h.try()
		switch {
		case err == nil:
			return doctor.OK("%s is free", h.address)
		case h.answers(ctx):
			return doctor.OK("a pipeline is running at %s: this one, or one that must stop before it starts", h.address)
		}
		what, do, _ := strings.Cut(err.Error(), ". ")
		return doctor.Failed(do+".", "%s", what)
	}}
}

// http returns the settings of the HTTP server.
func (p *patient) http() httpSettings {
	h := httpSettings{enabled: true, address: localAddress}
	if len(p.unsafe) == 0 {
		h.read(p.linter, p.name, p.text)
	}
	return h
}
