package components_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

// scenario is a pipeline of stock components between the input and the outputs.
type scenario struct {
	name       string
	buffer     string
	processors string
	output     string
	all        []string // the outputs that must get every record
	caches     bool     // contents, by position
}

// key is a record, or a batch by its first record.
const key = "'${! @kafka_partition }/${! @kafka_offset }'"

func broker(pattern string) string {
	return "broker: { pattern: " + pattern + ", outputs: [ { keep: { name: a, fails: true } }, { keep: { name: b, slow: true } } ] }"
}

var scenarios = []scenario{
	{name: "broker fan_out", output: broker("fan_out"), all: []string{"a", "b"}},
	{name: "broker fan_out_fail_fast", output: broker("fan_out_fail_fast"), all: []string{"a", "b"}},
	{name: "broker fan_out_sequential", output: broker("fan_out_sequential"), all: []string{"a", "b"}},
	{name: "broker fan_out_sequential_fail_fast", output: broker("fan_out_sequential_fail_fast"), all: []string{"a", "b"}},
	{name: "broker round_robin", output: broker("round_robin")},
	{name: "broker greedy", output: broker("greedy")},
	{name: "broker of batches", output: "broker: { batching: { count: 7, period: 20ms }, outputs: [ { keep: { name: a, fails: true } } ] }", all: []string{"a"}},
	{name: "drop_on back_pressure", output: "drop_on: { error: true, back_pressure: 5ms, output: { keep: { name: a, slow: true, fails: true } } }"},
	{name: "drop_on in a broker", output: "broker: { outputs: [ { drop: {} }, { drop_on: { error: true, back_pressure: 5ms, output: { keep: { name: a, slow: true } } } } ] }"},
	{name: "retry", output: "retry: { backoff: { initial_interval: 5ms, max_interval: 20ms }, output: { keep: { name: a, fails: true, slow: true } } }", all: []string{"a"}},
	{name: "fallback", output: "fallback: [ { keep: { name: a, fails: true } }, { keep: { name: b, slow: true } } ]"},
	{name: "switch", output: "switch: { cases: [ { check: '@kafka_partition == 0', output: { keep: { name: a, fails: true } } }, { output: { keep: { name: b, slow: true } } } ] }"},
	{name: "switch that continues", output: "switch: { cases: [ { check: 'true', continue: true, output: { keep: { name: a, fails: true } } }, { output: { keep: { name: b, slow: true } } } ] }", all: []string{"a", "b"}},
	{name: "cache", output: "broker: { pattern: fan_out, outputs: [ { cache: { target: memory, key: " + key + " } }, { keep: { name: a, slow: true } } ] }", all: []string{"a"}, caches: true},
	{name: "buffer memory", buffer: "memory: {}", output: "keep: { name: a, slow: true }", all: []string{"a"}},
	{name: "buffer memory in batches", buffer: "memory: { batch_policy: { enabled: true, count: 9, period: 20ms } }", output: "keep: { name: a, slow: true }", all: []string{"a"}},
	{name: "processor cache", processors: "- cache: { resource: memory, operator: set, key: " + key + ", value: '${! content() }' }", output: "keep: { name: a, fails: true }", all: []string{"a"}, caches: true},
	{name: "processor cached", processors: "- cached: { cache: memory, key: " + key + ", processors: [ { noop: {} } ] }", output: "keep: { name: a, fails: true }", all: []string{"a"}},
	{name: "workflow", processors: "- workflow: { meta_path: '', order: [ [ one ], [ two ] ], branches: { one: { request_map: 'root = content()', processors: [ { sleep: { duration: 1ms } } ], result_map: 'meta one = content().length()' }, two: { request_map: 'root = @one', processors: [ { noop: {} } ], result_map: 'meta two = content()' } } }", output: "keep: { name: a, fails: true, slow: true }", all: []string{"a"}},
	{name: "branch", processors: "- branch: { request_map: 'root = content()', processors: [ { noop: {} } ], result_map: 'root = content()' }", output: "keep: { name: a, fails: true }", all: []string{"a"}},
	{name: "dedupe", processors: "- dedupe: { cache: memory, key: " + key + " }", output: "retry: { backoff: { initial_interval: 5ms }, output: { keep: { name: a, fails: true, slow: true } } }", all: []string{"a"}},
	{name: "processor switch", processors: "- switch: [ { check: '@kafka_offset % 2 == 0', processors: [ { sleep: { duration: 1ms } } ] }, { processors: [ { noop: {} } ] } ]", output: "keep: { name: a, fails: true }", all: []string{"a"}},
	{name: "processor retry", processors: "- retry: { backoff: { initial_interval: 1ms }, max_retries: 20, processors: [ { mapping: 'root = if random_int(min: 0, max: 2) == 0 { throw(\"again\") } else { content() }' } ] }", output: "keep: { name: a, fails: true }", all: []string{"a"}},
	{name: "parallel", processors: "- parallel: { processors: [ { sleep: { duration: 1ms } } ] }", output: "keep: { name: a, fails: true }", all: []string{"a"}},
	{name: "split and group_by_value", processors: "- split: { size: 2 }\n- group_by_value: { value: '${! @kafka_partition }' }", output: "keep: { name: a, slow: true }", all: []string{"a"}},
	{name: "try and catch", processors: "- try: [ { mapping: 'root = if @kafka_offset % 3 == 0 { throw(\"no\") } else { content() }' } ]\n- catch: [ { noop: {} } ]", output: "keep: { name: a, fails: true }", all: []string{"a"}},
}

// If this fails, an output, a buffer or a cache gets the bytes of other records under a
// record's position, for instance because memory is reused while a component still
// refers to it.
func TestMessagesKeepTheirBytes(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := fill(t, c)
	for _, emit := range []string{"record_batch", "records"} {
		for _, s := range scenarios {
			t.Run(emit+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				s.run(t, c, topic, emit, "").check(t, s.all...)
			})
		}
	}
}

// The same with sentiment_window after the components, which decompresses into memory
// that it does reuse.
func TestPointsAreThoseOfTheirTweets(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := fill(t, c)
	for _, s := range scenarios {
		if strings.Contains(s.processors, "dedupe") {
			continue // a batch that was delivered before is removed
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t, c, topic, "record_batch", "- sentiment_window: { message: record_batch, encoding: json }").check(t, s.all...)
		})
	}
}

// run reads the whole topic, until it is committed and the outputs are closed.
func (s scenario) run(t *testing.T, c *testenv.Cluster, topic, emit, more string) *kept {
	t.Helper()
	input := fmt.Sprintf("kafka_batches: { seed_brokers: [ %q ], topics: [ %s ], consumer_group: %q, emit: %s, max_in_flight_bytes: 64KiB, fetch_max_wait: 50ms, commit_period: 50ms }",
		c.Brokers[0], topic, t.Name(), emit)
	return s.stream(t, input, more, func(k *kept) {
		client := c.Client(t)
		testenv.Eventually(t, time.Minute, "all of the topic is committed", func() error {
			return committed(t.Context(), client, t.Name(), topic)
		})
		if s.buffer == "" {
			return
		}
		// Benthos's memory buffer acknowledges messages that it still holds, and drops
		// some of them if its period ends at the moment it is stopped.
		testenv.Eventually(t, time.Minute, "the buffer is empty", func() error {
			for _, name := range s.all {
				if n := k.records(name); n != partitions*batches*each {
					return fmt.Errorf("%s has %d of the %d records", name, n, partitions*batches*each)
				}
			}
			return nil
		})
	})
}

// stream runs the scenario on an input until done returns.
func (s scenario) stream(t *testing.T, input, more string, done func(k *kept)) *kept {
	t.Helper()
	k := &kept{messages: map[string][]*service.Message{}, failed: map[string]bool{}, cache: map[string][]byte{}, caches: s.caches}
	env := service.NewEnvironment()
	if err := k.register(env); err != nil {
		t.Fatal(err)
	}
	if err := registerRecycling(env); err != nil {
		t.Fatal(err)
	}
	text := "input:\n  " + input + "\n"
	if s.buffer != "" {
		text += "buffer:\n  " + s.buffer + "\n"
	}
	if processors := strings.Trim(s.processors+"\n"+more, "\n"); processors != "" {
		text += "pipeline:\n  threads: 2\n  processors:\n    " + strings.ReplaceAll(processors, "\n", "\n    ") + "\n"
	}
	text += "output:\n  " + s.output + "\ncache_resources: [ { label: memory, memory: { default_ttl: 1h } } ]\nlogger: { level: NONE }\n"
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	stop := instream.Run(t, builder)
	done(k)
	stop()
	return k
}
