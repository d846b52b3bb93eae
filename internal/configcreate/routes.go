package configcreate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/config"
)

// routes are where a shipped pipeline sends records that cannot be counted and points
// that InfluxDB rejects. Without them one bad record stops a pipeline for good.
type routes struct {
	letters  *yaml.Node // the case of a switch
	rejected *yaml.Node // the output of that name of influxdb
}

// kafkaInputs are those whose dead letters go to a topic beside the one that is read.
// Those of other inputs go to files.
var kafkaInputs = []string{"kafka_batches", "redpanda", "kafka_franz", "kafka"}

// routesOf returns the routes that fit the inputs.
func routesOf(inputs []string) (r routes, err error) {
	name := "all_in_one.yaml"
	if slices.ContainsFunc(inputs, func(input string) bool { return slices.Contains(kafkaInputs, input) }) {
		name = "exact.yaml"
	}
	text, err := config.Files.ReadFile(name)
	if err != nil {
		return r, err
	}
	var file struct {
		Output struct {
			Switch struct {
				Cases []yaml.Node
			}
		}
	}
	var second struct {
		Output struct {
			InfluxDB struct{ Rejected yaml.Node }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return r, fmt.Errorf("reading %s: %w", name, err)
	}
	cases := file.Output.Switch.Cases
	if len(cases) != 2 {
		return r, fmt.Errorf("the output of %s is a switch with %d cases, not two (dead letters and influxdb)", name, len(cases))
	}
	if err := cases[1].Decode(&second); err != nil {
		return r, fmt.Errorf("reading the output influxdb of %s: %w", name, err)
	}
	r.letters, r.rejected = &cases[0], &second.Output.InfluxDB.Rejected
	if r.letters.Kind != yaml.MappingNode || r.rejected.Kind != yaml.MappingNode {
		return r, fmt.Errorf("%s has no case of dead letters, or its influxdb has no output rejected", name)
	}
	r.letters.HeadComment, r.letters.Content[0].HeadComment = "", "" // about that pipeline
	return r, nil
}

// withRoutes returns the output behind a switch that sends dead letters elsewhere, if
// there is a processor that makes them.
func (w *writer) withRoutes(output lines, p parts) (lines, error) {
	if !slices.Contains(p.processors, "sentiment_window") {
		return output, nil
	}
	letters, err := encoded(w.routes.letters)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(p.outputs, []string{"influxdb"}) {
		// The error of an output in a switch makes Benthos redeliver the wrong messages.
		// influxdb has none: it retries by itself.
		backoff := lines{"max_elapsed_time: 0s"}.under("backoff")
		output = slices.Concat(lines{"max_retries: 0"}, backoff, output.under("output")).under("retry")
	}
	comment := lines{"# Dead letters: records that cannot be counted, with their reason."}
	return slices.Concat(comment, letters.item(), output.under("output").item()).under("cases").under("switch"), nil
}

// encoded returns a node as lines.
func encoded(value any) (lines, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(text.String(), "\n"), "\n"), nil
}

// unlabel removes the labels of a route, which only its first use may have.
func unlabel(node *yaml.Node) {
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); {
		if node.Content[i].Value == "label" {
			node.Content = slices.Delete(node.Content, i, i+2)
			continue
		}
		i += 2
	}
	for _, child := range node.Content {
		unlabel(child)
	}
}
