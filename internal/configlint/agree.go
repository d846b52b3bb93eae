package configlint

import (
	"fmt"
	"strings"
)

// disagreements returns the settings of sentiment_window that do not match those of the
// kafka_batches in front of it. No lint rule of a component sees another one, and at
// run time the processor refuses all that such an input delivers.
//
// It compares them only where every message comes from kafka_batches: it is the input
// itself, not one of several.
func (c *configuration) disagreements() (findings []Finding) {
	const from = "input.kafka_batches"
	input, found := c.at(from)
	if !found {
		return nil
	}
	message := map[string]string{"record_batch": "record_batch", "records": "record"}
	for _, p := range c.places {
		if p.name != "sentiment_window" || len(p.field.Children) == 0 ||
			!strings.HasPrefix(p.path, "pipeline.processors.") && !strings.HasPrefix(p.path, "input.processors.") {
			continue
		}
		emit := c.setting(input, "emit")
		if want := message[emit]; want != "" && want != c.setting(p, "message") {
			findings = append(findings, c.disagrees(p, "message", want, "emit: "+emit, input))
		}
		// The other way round the processor tells more apart than the input promises.
		if identity := c.setting(input, "identity"); identity == "source" && identity != c.setting(p, "identity") {
			findings = append(findings, c.disagrees(p, "identity", identity, "identity: "+identity, input))
		}
		if compacted, set := c.at(from + ".on_compacted_topic"); set && compacted.node.Value == "read" {
			findings = append(findings, Finding{Line: compacted.node.Line, Column: 1, What: fmt.Sprintf("on_compacted_topic is read: sentiment_window in line %d refuses the batches of a compacted topic, which change", p.line)})
		}
	}
	return findings
}

// disagrees returns the finding about a field of a component that must have another
// value because of a setting of the input.
func (c *configuration) disagrees(component place, name, want, because string, input place) Finding {
	what := fmt.Sprintf("%s of sentiment_window must be %s: kafka_batches in line %d has %s", name, want, input.line, because)
	if p, set := c.at(component.path + "." + name); set {
		return Finding{Line: p.node.Line, Column: 1, What: fmt.Sprintf("%s is %s: %s", name, shown(p.node), strings.Replace(what, name+" of sentiment_window", "it", 1))}
	}
	return Finding{Line: component.line, Column: 1, What: what, general: true}
}

// at returns the place of a path.
func (c *configuration) at(path string) (p place, found bool) {
	for _, p := range c.places {
		if p.path == path {
			return p, true
		}
	}
	return place{}, false
}

// setting returns the text of a component's field, or its default.
func (c *configuration) setting(component place, name string) string {
	if p, set := c.at(component.path + "." + name); set {
		return p.node.Value
	}
	for _, f := range component.field.Children {
		if f.Name == name {
			text, _ := f.Default.(string)
			return text
		}
	}
	return ""
}
