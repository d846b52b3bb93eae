// Package childinput examines the configuration of the child of an input that holds
// messages for long: whether the child keeps them until they are acknowledged, delivers
// them again if they are not, and reads far enough ahead.
//
// Benthos does not say any of that of an input. So only inputs are accepted that were
// tried, alone or in the inputs that pass acknowledgements on unchanged.
package childinput

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Rules are what the input around the child needs, besides each record as a message.
type Rules struct {
	Name     string // of the input, for errors
	Messages int    // it holds up to this many
}

// node is a part of a parsed configuration: the YAML library's node has this method.
type node interface{ Decode(v any) error }

// Check returns why the child cannot be held, or notes on how its settings limit what is
// held. config is the field of the child as Benthos parsed it.
func Check(config any, r Rules) (notes []string, err error) {
	if n, is := config.(node); is {
		var decoded any
		if err := n.Decode(&decoded); err != nil {
			return nil, fmt.Errorf("reading the configuration of the child input: %w", err)
		}
		config = decoded
	}
	return r.check(config, "input")
}

// accepted are the inputs that examine knows.
var accepted = []string{"batched", "broker", "kafka_batches", "kafka_franz", "redpanda", "redpanda_common"}

// examine looks at the settings of an input. known is false for one that was not tried.
func (r Rules) examine(kind string, conf map[string]any, path string) (notes []string, known bool, err error) {
	switch kind {
	case "kafka_batches":
		err = kafkaBatches(conf, path)
	case "kafka_franz":
		notes, err = r.kafkaFranz(conf, path)
	case "redpanda", "redpanda_common":
		notes, err = r.redpanda(conf, path)
	case "broker":
		notes, err = r.broker(conf, path)
	case "batched":
		notes, err = r.check(conf["child"], path+".child")
	default:
		return nil, false, nil
	}
	return notes, true, err
}

func (r Rules) check(config any, path string) ([]string, error) {
	tree, is := config.(map[string]any)
	if !is {
		return nil, fmt.Errorf("%s: %s needs a child input here, not %v", path, r.Name, config)
	}
	kind, conf, err := kindOf(tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	path += "." + kind
	notes, known, err := r.examine(kind, conf, path)
	if known {
		return notes, err
	}
	why := "whether it keeps messages until they are acknowledged, and delivers them again, is not known"
	if kind == "resource" {
		why = "the settings of a resource cannot be seen from here; write its input in the place of the reference"
	}
	return nil, fmt.Errorf("%s: %s does not accept the input %s: %s. Accepted are %s", path, r.Name, kind, why, strings.Join(accepted, ", "))
}

// kindOf returns the type of an input and its settings, as Benthos infers them.
func kindOf(tree map[string]any) (kind string, conf map[string]any, err error) {
	kind, explicit := tree["type"].(string)
	if !explicit {
		var found []string
		for name := range tree {
			if !slices.Contains([]string{"label", "type", "plugin", "processors"}, name) {
				found = append(found, name)
			}
		}
		if len(found) != 1 {
			slices.Sort(found)
			return "", nil, fmt.Errorf("the type of the child input is not clear among %q; write exactly one", found)
		}
		kind = found[0]
	}
	settings, has := tree[kind]
	if !has {
		settings = tree["plugin"]
	}
	conf, _ = settings.(map[string]any) // nil without settings
	return kind, conf, nil
}

// broker delivers what its inputs deliver, and passes acknowledgements on.
func (r Rules) broker(conf map[string]any, path string) (notes []string, err error) {
	list, _ := conf["inputs"].([]any)
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: has no inputs", path)
	}
	for i, one := range list {
		more, err := r.check(one, path+".inputs."+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		notes = append(notes, more...)
	}
	return notes, nil
}
