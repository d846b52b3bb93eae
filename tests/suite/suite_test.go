// Package suite_test runs Benthos's own integration tests of a pair of output and input:
// over kafka_batches, and over the stock components as the control.
package suite_test

import (
	"context"
	"net"
	"os"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // broker
	"github.com/redpanda-data/benthos/v4/public/service/integration"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"

	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// If this fails, messages from Benthos do not arrive as they were sent, or not after a
// rejection or a restart of the input.
func TestOwnPair(t *testing.T) {
	t.Parallel()
	run(t, `
output:
  broker:
    outputs:
      - kafka_batches:
          seed_brokers: [ 127.0.0.1:$PORT ]
          topic: topic-$ID
          message: record
          max_in_flight: $MAX_IN_FLIGHT
          metadata:
            include_patterns: [ "^[^$OUTPUT_META_EXCLUDE_PREFIX_]" ]
    batching:
      count: $OUTPUT_BATCH_COUNT

input:
  broker:
    inputs:
      - kafka_batches:
          seed_brokers: [ 127.0.0.1:$PORT ]
          topics: [ topic-$ID ]
          consumer_group: group-$ID
          emit: records
    batching:
      count: $INPUT_BATCH_COUNT
`)
}

// If this fails, the tests do not fit Kafka, rather than kafka_batches the tests.
func TestStockPair(t *testing.T) {
	t.Parallel()
	run(t, `
output:
  redpanda:
    seed_brokers: [ 127.0.0.1:$PORT ]
    topic: topic-$ID
    max_in_flight: $MAX_IN_FLIGHT
    metadata:
      include_patterns: [ "^[^$OUTPUT_META_EXCLUDE_PREFIX_]" ]
    batching:
      count: $OUTPUT_BATCH_COUNT

input:
  redpanda:
    seed_brokers: [ 127.0.0.1:$PORT ]
    topics: [ topic-$ID ]
    consumer_group: group-$ID
    commit_period: 1s
    unordered_processing:
      enabled: true
      checkpoint_limit: 1000
      batching:
        count: $INPUT_BATCH_COUNT
`)
}

func run(t *testing.T, template string) {
	kafka := testenv.Kafka(t)
	_, port, err := net.SplitHostPort(kafka.Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, topic := range map[string]struct {
		partitions int32
		tests      integration.StreamTestList
		options    []integration.StreamTestOptFunc
	}{
		// One partition has an order, which the tests of offsets need.
		"one partition": {1, integration.StreamTests(
			integration.StreamTestOpenClose(),
			integration.StreamTestOpenCloseIsolated(),
			integration.StreamTestMetadata(),
			integration.StreamTestMetadataFilter(),
			integration.StreamTestSendBatch(100),
			integration.StreamTestSendBatchCount(10),
			integration.StreamTestSendBatchCountIsolated(10),
			integration.StreamTestReceiveBatchCount(10),
			integration.StreamTestStreamSequential(300),
			integration.StreamTestStreamIsolated(300),
			integration.StreamTestCheckpointCapture(),
			integration.StreamTestStreamSaturatedUnacked(100),
			integration.StreamTestAtLeastOnceDelivery(),
		), nil},
		"four partitions": {4, integration.StreamTests(
			integration.StreamTestOpenClose(),
			integration.StreamTestMetadata(),
			integration.StreamTestSendBatches(20, 100, 8),
			integration.StreamTestStreamParallel(1000),
			integration.StreamTestStreamParallelLossy(500),
			integration.StreamTestStreamParallelLossyThroughReconnect(500),
		), []integration.StreamTestOptFunc{integration.StreamTestOptMaxInFlight(8)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic.tests.Run(t, template, append(topic.options,
				integration.StreamTestOptPort(port),
				integration.StreamTestOptPreTest(func(t testing.TB, _ context.Context, vars *integration.StreamTestConfigVars) {
					kafka.CreateTopic(t, "topic-"+vars.ID, topic.partitions, nil)
				}))...)
		})
	}
}
