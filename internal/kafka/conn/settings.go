package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// TopicSettings are the configuration of a topic, such as cleanup.policy.
type TopicSettings map[string]string

// Compacted reports whether the log cleaner removes records from the topic.
func (s TopicSettings) Compacted() bool { return strings.Contains(s["cleanup.policy"], "compact") }

// Settings returns the settings of topics. With an error it may not have all of them.
func Settings(ctx context.Context, admin *kadm.Client, topics []string) (map[string]TopicSettings, error) {
	described, err := admin.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("asking for the settings of the topics: %w", err)
	}
	all := map[string]TopicSettings{}
	var errs []error
	for _, t := range described {
		if t.Err != nil {
			errs = append(errs, fmt.Errorf("asking for the settings of %s: %w", t.Name, t.Err))
			continue
		}
		settings := TopicSettings{}
		for _, c := range t.Configs {
			if c.Value != nil {
				settings[c.Key] = *c.Value
			}
		}
		all[t.Name] = settings
	}
	return all, errors.Join(errs...)
}
