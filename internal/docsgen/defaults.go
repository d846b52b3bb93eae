package main

import (
	"bytes"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// runnable removes optional fields without a default from a config that Benthos
// generated. Benthos shows them with an example, so copying the config would set them.
func runnable(config, component string, fields []fieldSpec) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(config), &doc); err != nil {
		return "", fmt.Errorf("parsing the YAML: %w", err)
	}
	dropOptional(under(&doc, component), fields)

	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return "", fmt.Errorf("writing the YAML: %w", err)
	}
	return b.String(), nil
}

// under returns the value of a key. The component's name is at the top of the config of
// a processor, and one level deeper in that of an input or output.
func under(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	for _, child := range n.Content {
		if found := under(child, key); found != nil {
			return found
		}
	}
	return nil
}

func dropOptional(n *yaml.Node, fields []fieldSpec) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(fields, func(f fieldSpec) bool { return f.Name == key.Value })
		if at >= 0 {
			if fields[at].Optional && fields[at].Default == nil {
				continue
			}
			dropOptional(value, fields[at].Children)
		}
		kept = append(kept, key, value)
	}
	n.Content = kept
}
