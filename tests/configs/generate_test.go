package configs_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	generated = 20_000
	batchSize = 500
)

func generate(t testing.TB, kafka *testenv.Cluster, topic string) *testenv.Program {
	t.Helper()
	return testenv.Start(t, testenv.Command{
		Config: "config/generate.yaml",
		// Record batches of about 130 tweets, so that a batch of the generator goes to
		// several partitions.
		Args: []string{"--set", "output.kafka_franz.max_message_bytes=16KB"},
		Env:  generateEnv(kafka, topic),
	})
}

func generateFast(t testing.TB, kafka *testenv.Cluster, topic, acks string) *testenv.Program {
	t.Helper()
	env := generateEnv(kafka, topic)
	env["MAX_BATCH_BYTES"] = "16KB" // as above
	env["ACKS"] = acks
	return testenv.Start(t, testenv.Command{Config: "config/generate_fast.yaml", Env: env})
}

func generateEnv(kafka *testenv.Cluster, topic string) map[string]string {
	return map[string]string{
		"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "TOPIC": topic,
		"COUNT": strconv.Itoa(generated), "BATCH_SIZE": strconv.Itoa(batchSize), "RATE": "0", "PROGRESS": "never",
	}
}

// arrived returns how often each tweet is in a topic, by its id, and the number of
// different tweets of each sentiment.
func arrived(t testing.TB, kafka *testenv.Cluster, topic string) (times map[string]int, sentiments map[string]int) {
	t.Helper()
	times, sentiments = map[string]int{}, map[string]int{}
	for _, r := range readRecords(t, kafka, topic) {
		tweet, err := oracle.Avro(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if times[tweet.ID]++; times[tweet.ID] == 1 {
			sentiments[tweet.Sentiment]++
		}
	}
	return times, sentiments
}

// refusedTwice waits until two batches of the generator have failed.
func refusedTwice(t testing.TB, program *testenv.Program) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "two batches have been refused", func() error {
		metrics, err := program.Metrics(t.Context())
		if err != nil {
			return err
		}
		if n := metrics.Sum("tweet_generator_errors"); n < 2 {
			return fmt.Errorf("%v have been", n)
		}
		return nil
	})
}

// If this fails, the rest of a batch that Kafka has accepted in part is sent alone,
// with the wrong tweets, or never; or the run ends before everything has arrived.
func TestGenerateDeliversEachTweetWhileKafkaRefuses(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*kerr.Error{
		"not allowed": kerr.TopicAuthorizationFailed,
		"too large":   kerr.MessageTooLarge,
		"no topic":    kerr.UnknownTopicOrPartition,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kafka := testenv.FakeKafka(t)
			topic := kafka.Topic(t, 8)
			faults := kafka.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{3}, Err: refusal, Count: -1})
			program := generate(t, kafka, topic)
			refusedTwice(t, program)
			faults.Remove()
			times := allArrive(t, program, kafka, topic)
			copies := map[int]int{}
			for _, n := range times {
				copies[n]++
			}
			if len(copies) < 2 {
				t.Error("no tweet is there twice: no batch was accepted in part and then sent again whole")
			}
		})
	}
}

// If this fails, a client that numbers its batches, as an idempotent one does, cannot
// continue after a broker has permanently rejected some. The fake Kafka of the previous
// test cannot show that.
func TestGenerateContinuesWhenARealKafkaAcceptsItsBatches(t *testing.T) {
	t.Parallel()
	kafka := testenv.Kafka(t)
	topic := kafka.Topic(t, 4)
	limit := func(bytes string) {
		t.Helper()
		client := kafka.Client(t)
		defer client.Close()
		changes := []kadm.AlterConfig{{Name: "max.message.bytes", Value: &bytes}}
		if _, err := kadm.NewClient(client).AlterTopicConfigs(t.Context(), changes, topic); err != nil {
			t.Fatal(err)
		}
	}
	limit("1000")
	program := generate(t, kafka, topic)
	refusedTwice(t, program)
	limit("1000000")
	allArrive(t, program, kafka, topic)
}

// allArrive waits until a run has succeeded, and checks that all its tweets are in
// Kafka, in the configured shares: without acknowledgements a little later. It returns
// how often each is there.
func allArrive(t testing.TB, program *testenv.Program, kafka *testenv.Cluster, topic string) (times map[string]int) {
	t.Helper()
	if code := program.Wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d", code)
	}
	testenv.Eventually(t, 10*time.Second, "all tweets are in Kafka", func() error {
		var sentiments map[string]int
		times, sentiments = arrived(t, kafka, topic)
		want := map[string]int{"positive": generated * 5 / 10, "negative": generated * 3 / 10, "neutral": generated * 2 / 10}
		if !maps.Equal(sentiments, want) {
			return fmt.Errorf("%v different ones are, not %v", sentiments, want)
		}
		return nil
	})
	return times
}

// If this fails, the comments in generate_fast.yaml are wrong: tweets that Kafka does
// not accept are lost, but no others are, and none arrives twice.
func TestGenerateFastLosesWhatKafkaDropsAndNothingElse(t *testing.T) {
	t.Parallel()
	kafka := testenv.FakeKafka(t)
	topic := kafka.Topic(t, 8)
	const partition = 3
	var requests, dropped atomic.Int64 // to that partition
	kafka.Fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{partition}, Err: kerr.NotEnoughReplicas, Count: -1,
		When: func(request kmsg.Request) bool {
			if requests.Add(1) > 2 {
				return false
			}
			for _, p := range request.(*kmsg.ProduceRequest).Topics[0].Partitions {
				var batch kmsg.RecordBatch
				if p.Partition != partition {
					continue
				}
				if err := batch.ReadFrom(p.Records); err != nil {
					t.Errorf("reading a produce request: %v", err)
				}
				dropped.Add(int64(batch.NumRecords))
			}
			return true
		},
	})
	program := generateFast(t, kafka, topic, "none")
	if code := program.Wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d", code)
	}
	var times map[string]int
	testenv.Eventually(t, 10*time.Second, "Kafka has what it has not dropped", func() error {
		times, _ = arrived(t, kafka, topic)
		if lost := generated - len(times); dropped.Load() == 0 || int64(lost) != dropped.Load() {
			return fmt.Errorf("%d tweets are not in Kafka, which has dropped %d", lost, dropped.Load())
		}
		return nil
	})
	for id, n := range times {
		if n > 1 {
			t.Fatalf("the tweet %s is in Kafka %d times", id, n)
		}
	}
}

// If this fails, with acks 0, failures of the client itself go unnoticed, and are not
// retried.
func TestGenerateFastRetriesFailuresOfTheClient(t *testing.T) {
	t.Parallel()
	kafka := testenv.FakeKafka(t)
	topic := kafka.Topic(t, 8)
	faults := kafka.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: topic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	program := generateFast(t, kafka, topic, "none")
	retried(t, program, "TOPIC_AUTHORIZATION_FAILED")
	faults.Remove()
	allArrive(t, program, kafka, topic)
}

// If this fails, ACKS=leader or all does not make the numbers right: tweets that Kafka
// does not accept at first are lost.
func TestGenerateFastWithAcksLosesNothing(t *testing.T) {
	t.Parallel()
	for _, acks := range []string{"leader", "all"} {
		t.Run(acks, func(t *testing.T) {
			t.Parallel()
			kafka := testenv.FakeKafka(t)
			topic := kafka.Topic(t, 8)
			faults := kafka.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{3}, Err: kerr.NotEnoughReplicas, Count: -1})
			program := generateFast(t, kafka, topic, acks)
			retried(t, program, "NOT_ENOUGH_REPLICAS")
			faults.Remove()
			allArrive(t, program, kafka, topic)
		})
	}
}

// retried waits until the output kafka_batches has retried for a reason.
func retried(t testing.TB, program *testenv.Program, kind string) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "the output has retried", func() error {
		metrics, err := program.Metrics(t.Context())
		if err != nil {
			return err
		}
		if n := metrics.Sum("kafka_batches_output_errors", "kind", kind); n < 2 {
			return fmt.Errorf("%v times for %s", n, kind)
		}
		return nil
	})
}
