package main

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"github.com/brandpulse/brandpulse-connect/plugins/influxdb"
	"github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	"github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
	"github.com/brandpulse/brandpulse-connect/plugins/subpartition"
	"github.com/brandpulse/brandpulse-connect/plugins/tweetgen"
)

// plugins are the components with a page. A test compares the list with plugins/all.
var plugins = []struct {
	name     string
	register func(env *service.Environment, name string) error
}{
	{tweetgen.Name, tweetgen.Register},
	{kafkabatch.Name, kafkabatch.Register},
	{kafkabatch.Name, kafkabatch.RegisterOutput},
	{subpartition.Name, subpartition.Register},
	{sentimentwindow.Name, sentimentwindow.Register},
	{influxdb.Name, influxdb.Register},
}

// documented returns an environment with this project's components only, without the
// stock ones of the global environment.
func documented() ([]component, error) {
	ours := service.NewEmptyEnvironment()
	for _, p := range plugins {
		if err := p.register(ours, p.name); err != nil {
			return nil, fmt.Errorf("registering %s: %w", p.name, err)
		}
	}
	return componentsOf(service.GlobalEnvironment(), ours)
}
