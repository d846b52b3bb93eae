package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
)

// topicTimeout is how long Kafka may take to create a topic.
const topicTimeout = 20 * time.Second

func topicCommand() *cli.Command {
	return &cli.Command{
		Name:      "topic",
		Usage:     "Create a topic in Kafka",
		ArgsUsage: "COMMAND",
		Subcommands: []*cli.Command{{
			Name:      "create",
			Usage:     "Create a topic, or check its number of partitions",
			ArgsUsage: "NAME",
			Description: `
A point's timestamp depends on the partition of its tweets, so choose the number of
partitions before the first tweet and do not change it: exact.yaml relies on it.

For a Kafka with TLS or a login, name a pipeline that uses this Kafka. Its
brokers and credentials are used.

   brandpulse-connect topic create tweets --partitions 8
   brandpulse-connect topic create tweets_dead
   brandpulse-connect topic create tweets --partitions 8 --brokers kafka-1:9092
   brandpulse-connect topic create tweets --partitions 8 --pipeline mine.yaml`[1:],
			Flags: []cli.Flag{
				&cli.IntFlag{Name: "partitions", Value: 1, Usage: "number of partitions"},
				&cli.IntFlag{Name: "replication-factor", Usage: "copies of each partition; 0 means the broker's default"},
				&cli.StringFlag{Name: "brokers", EnvVars: []string{"KAFKA_BROKERS"}, Value: "127.0.0.1:9092", Usage: "`BROKERS` of Kafka, separated by commas"},
				&cli.StringFlag{Name: "pipeline", Usage: "`FILE` of a pipeline whose brokers, TLS settings and login are used; --brokers replaces its brokers"},
			},
			OnUsageError: usageError,
			Action:       runTopicCreate,
		}},
		OnUsageError: usageError,
		Action:       runSubcommand,
	}
}

func runTopicCreate(c *cli.Context) error {
	names, err := interspersed(c)
	if err != nil {
		return err
	}
	switch {
	case len(names) == 0:
		return fmt.Errorf("topic create needs the name of a topic: %s NAME", c.Command.HelpName)
	case len(names) > 1:
		return fmt.Errorf("topic create takes the name of one topic, got %q", names)
	}
	topic, partitions, replicas := names[0], c.Int("partitions"), c.Int("replication-factor")
	switch {
	case !topicname.Valid(topic):
		return fmt.Errorf("%q is not the name of a topic, which has %s", topic, topicname.Allowed)
	case partitions < 1 || partitions > math.MaxInt32:
		return fmt.Errorf("--partitions is %d: it must be 1 or more", partitions)
	case replicas < 0 || replicas > math.MaxInt16:
		return fmt.Errorf("--replication-factor is %d: it must be 1 or more, or 0 for the broker's default", replicas)
	case replicas == 0:
		replicas = -1
	}
	brokers, options, err := topicKafka(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, topicTimeout)
	defer cancel()
	client, err := kgo.NewClient(append(options, kgo.RetryTimeout(topicTimeout/2))...)
	if err != nil {
		return fmt.Errorf("creating a Kafka client for %s: %w", brokers, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if err := client.Ping(ctx); err != nil {
		return kafkaProblem(brokers, err)
	}
	_, err = admin.CreateTopic(ctx, int32(partitions), int16(replicas), nil, topic)
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return checkTopic(ctx, c, admin, topic, partitions)
	case err != nil:
		return fmt.Errorf("creating topic %s at %s: %w", topic, brokers, err)
	}
	fmt.Fprintf(c.App.Writer, "Created topic %s with %s at %s.\n", topic, plural(partitions, "partition"), brokers)
	return nil
}

// checkTopic returns an error unless an existing topic has this number of partitions.
func checkTopic(ctx context.Context, c *cli.Context, admin *kadm.Client, topic string, partitions int) error {
	topics, err := admin.ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return fmt.Errorf("reading the partitions of the existing topic %s: %w", topic, err)
	}
	if n := len(topics[topic].Partitions); n != partitions {
		return fmt.Errorf("topic %s already exists with %s, not %d. Choose another name, or --partitions %d", topic, plural(n, "partition"), partitions, n)
	}
	fmt.Fprintf(c.App.Writer, "Topic %s already exists with %s.\n", topic, plural(partitions, "partition"))
	return nil
}

// topicKafka returns the brokers, and the client options to reach them.
func topicKafka(c *cli.Context) (brokers string, options []kgo.Opt, err error) {
	s := &auditSettings{}
	if file := c.String("pipeline"); file != "" {
		yaml, err := os.ReadFile(file)
		if err != nil {
			return "", nil, unread(err)
		}
		if s, err = auditPipeline(yaml); err != nil {
			return "", nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	if len(s.brokers) == 0 || c.IsSet("brokers") {
		s.brokers = []string{c.String("brokers")}
	}
	options, err = s.kafkaOptions()
	return strings.Join(s.brokers, ","), options, err
}

func plural(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
