package childinput

import (
	"fmt"
	"strconv"
	"strings"
)

func kafkaBatches(conf map[string]any, path string) error {
	if emit, _ := conf["emit"].(string); emit != "records" {
		return fmt.Errorf("%s: a message would be a record batch, whose records have different keys; set emit: records", path)
	}
	return nil
}

func (r Rules) kafkaFranz(conf map[string]any, path string) ([]string, error) {
	if err := r.redelivers(conf, path); err != nil {
		return nil, err
	}
	return r.ahead(conf, path), nil
}

func (r Rules) redpanda(conf map[string]any, path string) ([]string, error) {
	if err := r.redelivers(conf, path); err != nil {
		return nil, err
	}
	unordered, _ := conf["unordered_processing"].(map[string]any)
	if on, _ := boolean(unordered["enabled"]); !on {
		return []string{path + " delivers the next batch of a partition when the one before is acknowledged, so that at most one batch (max_yield_batch_bytes, 32KB by default) of each partition is held, and a slow key stops its partition at once. Set unordered_processing.enabled: true"}, nil
	}
	return r.ahead(unordered, path+".unordered_processing"), nil
}

// redelivers refuses settings with which a message that is not acknowledged is lost. The
// readers of these inputs take every nack for an acknowledgement, and rely on the replay
// before them.
func (r Rules) redelivers(conf map[string]any, path string) error {
	if v, set := conf["auto_replay_nacks"]; set {
		if on, known := boolean(v); !known || !on {
			return fmt.Errorf("%s: with auto_replay_nacks: %v the input commits messages that were not delivered: those held when %s stops would be lost. Remove the setting", path, v, r.Name)
		}
	}
	if v, set := conf["timely_nacks_maximum_wait"]; set {
		return fmt.Errorf("%s: with timely_nacks_maximum_wait: %v the input gives up messages that %s holds longer than that, and delivers them a second time. A key can wait for any time. Remove the setting", path, v, r.Name)
	}
	return nil
}

// defaultCheckpointLimit is that of the stock readers.
const defaultCheckpointLimit = 1024

// ahead notes a checkpoint_limit below what is to be held: the limit is on the messages
// between the first one that is not acknowledged and the last one read, so one message that
// waits stops its partition after so many.
func (r Rules) ahead(conf map[string]any, path string) []string {
	limit := int64(defaultCheckpointLimit)
	if v, set := conf["checkpoint_limit"]; set {
		n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
		if err != nil {
			return nil // Benthos refuses it
		}
		limit = n
	}
	if limit >= int64(r.Messages) {
		return nil
	}
	return []string{fmt.Sprintf("%s.checkpoint_limit is %d: a partition is not read further than so many messages beyond its first one that is not done, so that one slow key stops it there. To hold max_messages, set it to %d", path, limit, r.Messages)}
}

// boolean reads a value as Benthos does: text is converted.
func boolean(v any) (value, known bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		b, err := strconv.ParseBool(strings.ToLower(v))
		return b, err == nil
	}
	return false, false
}
