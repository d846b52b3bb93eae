// Package dlq_test runs the commands of dlq on topics of a real Kafka, with letters as
// their writers write them.
package dlq_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// dlq runs a command of dlq and returns its output.
func dlq(t *testing.T, c *testenv.Cluster, wantCode int, args ...string) string {
	t.Helper()
	args = append([]string{"dlq", args[0], "--brokers", strings.Join(c.Brokers, ",")}, args[1:]...)
	p := testenv.Start(t, testenv.Command{Args: args})
	if code := p.Wait(t, 30*time.Second); code != wantCode {
		t.Fatalf("%q: exit code %d, want %d:\n%s", args, code, wantCode, p.Log(t))
	}
	return p.Log(t)
}

// headers returns headers from names and values by turns.
func headers(namesAndValues ...string) (list []kgo.RecordHeader) {
	for i := 0; i < len(namesAndValues); i += 2 {
		list = append(list, kgo.RecordHeader{Key: namesAndValues[i], Value: []byte(namesAndValues[i+1])})
	}
	return list
}

func sameHeader(a, b kgo.RecordHeader) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }

func int4(n int32) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func int8(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// Headers as each writer writes them: DeadLetterPublishingRecoverer of Spring for
// Apache Kafka, the binder of Spring Cloud Stream, DeadLetterQueueReporter of Kafka
// Connect, ExceptionHandlerUtils of Kafka Streams.
func spring(topic string, partition int32, offset int64) []kgo.RecordHeader {
	return headers("kafka_dlt-original-topic", topic, "kafka_dlt-original-partition", int4(partition), "kafka_dlt-original-offset", int8(offset),
		"kafka_dlt-original-timestamp", int8(1_767_225_600_000), "kafka_dlt-original-timestamp-type", "CreateTime",
		"kafka_dlt-exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException",
		"kafka_dlt-exception-cause-fqcn", "java.lang.IllegalStateException", "kafka_dlt-exception-message", "Listener failed", "kafka_dlt-exception-stacktrace", "at a.B\n\tat c.D")
}

func springRetry(topic string, partition int32, offset int64) []kgo.RecordHeader {
	return headers("kafka_original-topic", topic, "kafka_original-partition", int4(partition), "kafka_original-offset", int8(offset),
		"kafka_original-timestamp", int8(1_767_225_600_000), "kafka_original-timestamp-type", "CreateTime", "retry_topic-attempts", int4(3), "retry_topic-original-timestamp", int8(1_767_225_600_000),
		"kafka_exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException", "kafka_exception-cause-fqcn", "java.lang.ArithmeticException", "kafka_exception-message", "/ by zero")
}

func springCloud(topic string, partition int32, offset int64) []kgo.RecordHeader {
	return headers("x-original-topic", topic, "x-original-partition", int4(partition), "x-original-offset", int8(offset), "x-exception-fqcn", "java.io.IOException", "x-exception-message", "no")
}

func connect(topic string, partition int32, offset int64) []kgo.RecordHeader {
	return headers("__connect.errors.topic", topic, "__connect.errors.partition", strconv.Itoa(int(partition)), "__connect.errors.offset", strconv.FormatInt(offset, 10),
		"__connect.errors.connector.name", "sink", "__connect.errors.task.id", "0", "__connect.errors.stage", "VALUE_CONVERTER",
		"__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException", "__connect.errors.exception.message", "Converting byte[] failed")
}

func streams(topic string, partition int32, offset int64) []kgo.RecordHeader {
	return headers("__streams.errors.exception", "java.lang.NullPointerException", "__streams.errors.message", "null", "__streams.errors.stacktrace", "at a.B",
		"__streams.errors.topic", topic, "__streams.errors.partition", strconv.Itoa(int(partition)), "__streams.errors.offset", strconv.FormatInt(offset, 10))
}

func ours(reason, topic string, partition int32, offset int64) []kgo.RecordHeader {
	return headers("dead_error", "counting the record: the bytes end inside the tweet", "dead_offset", strconv.FormatInt(offset, 10),
		"dead_partition", strconv.Itoa(int(partition)), "dead_reason", reason, "dead_topic", topic)
}

// begin is when the letters of these tests were written.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func letter(topic string, second int, value string, headers []kgo.RecordHeader) *kgo.Record {
	return &kgo.Record{Topic: topic, Timestamp: begin.Add(time.Duration(second) * time.Second), Value: []byte(value), Headers: headers}
}
