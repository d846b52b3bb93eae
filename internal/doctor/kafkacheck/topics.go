package kafkacheck

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// exists checks a topic, and reads the settings of all.
func (k *checker) exists(topic string) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		t, ok := k.metadata.Topics[topic]
		switch {
		case !ok:
			return doctor.Skipped("the broker's response does not have it")
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition) && !k.isRead(topic) && k.createsTopics(ctx):
			return doctor.Warning(fmt.Sprintf("Create it with the settings that you want: brandpulse-connect topic create %s.", topic),
				"it does not exist; the brokers create it with the first record (auto.create.topics.enable)")
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			return doctor.Failed(fmt.Sprintf("Correct its name in the pipeline, or create it: brandpulse-connect topic create %s --partitions N.", topic), "it does not exist")
		case errors.Is(t.Err, kerr.TopicAuthorizationFailed):
			return doctor.Skipped("%s may not see it", k.Config.Who())
		case t.Err != nil:
			return doctor.Failed("The log of the broker has the reason.", "%v", t.Err)
		}
		if k.settings == nil && k.noConfig == nil {
			k.settings, k.noConfig = conn.Settings(ctx, k.admin, k.topics())
		}
		return doctor.OK("%d partitions", len(t.Partitions))
	}
}

// createsTopics reports whether the brokers create a missing topic. Without the right to
// know, the answer is no: then nothing is promised.
func (k *checker) createsTopics(ctx context.Context) bool {
	for id := range k.metadata.Brokers {
		described, err := k.admin.DescribeBrokerConfigs(ctx, id)
		if err != nil {
			return false
		}
		for _, resource := range described {
			for _, c := range resource.Configs {
				if c.Key == "auto.create.topics.enable" && c.Value != nil {
					return *c.Value == "true"
				}
			}
		}
	}
	return false
}

// setting returns a setting of a topic, or a finding that it is not known.
func (k *checker) setting(topic, name string) (value string, unknown *doctor.Finding) {
	if value, ok := k.settings[topic][name]; ok {
		return value, nil
	}
	skipped := doctor.Skipped("%s is not known: allow %s the operation DescribeConfigs on the topic", name, k.Config.Who())
	if k.noConfig != nil && !errors.Is(k.noConfig, kerr.TopicAuthorizationFailed) {
		skipped = doctor.Skipped("%s is not known: %v", name, k.noConfig)
	}
	return "", &skipped
}

func short(list []string) string {
	const most = 10
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

func (k *checker) partitions(read Read) func(ctx context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		n := len(k.metadata.Topics[read.Topic].Partitions)
		if n > read.MaxPartitions {
			return doctor.Failed("Set max_partitions to at least that number, with an empty bucket or another measurement: it determines the timestamps of the points.",
				"the topic has %d partitions, and max_partitions of sentiment_window is %d: records of the others become dead letters", n, read.MaxPartitions)
		}
		return doctor.OK("%d partitions, at most %d (max_partitions)", n, read.MaxPartitions)
	}
}

func (k *checker) cleanup(read Read) func(ctx context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		policy, unknown := k.setting(read.Topic, "cleanup.policy")
		if unknown != nil {
			return *unknown
		}
		if (conn.TopicSettings{"cleanup.policy": policy}).Compacted() {
			const do = "Set cleanup.policy to delete, or read a copy of the topic that has it."
			if read.WholeBatches {
				return doctor.Failed(do, "cleanup.policy is %s: the log cleaner removes records from batches, so a replayed batch would give other counts", policy)
			}
			return doctor.Warning(do, "cleanup.policy is %s: a replay counts fewer records than the first reading", policy)
		}
		return doctor.OK("cleanup.policy is %s", policy)
	}
}

// batchSize compares the largest batch that producers may write with the largest that
// the input accepts.
func (k *checker) batchSize(read Read) func(ctx context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		largest, unknown := k.bytesSetting(read.Topic)
		switch {
		case unknown != nil:
			return *unknown
		case read.MaxBatchBytes > 0 && largest > read.MaxBatchBytes:
			return doctor.Warning("Raise max_batch_bytes of kafka_batches to at least max.message.bytes of the topic.",
				"producers may write batches of %s, and one larger than %s (max_batch_bytes) stops its partition", humanize.IBytes(uint64(largest)), humanize.IBytes(uint64(read.MaxBatchBytes)))
		}
		return doctor.OK("batches have at most %s", humanize.IBytes(uint64(largest)))
	}
}

func (k *checker) bytesSetting(topic string) (int64, *doctor.Finding) {
	text, unknown := k.setting(topic, "max.message.bytes")
	if unknown != nil {
		return 0, unknown
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		skipped := doctor.Skipped("max.message.bytes is %q", text)
		return 0, &skipped
	}
	return n, nil
}

// messageSize compares what outputs write to a topic with what it accepts. Several
// outputs may write there in turn, each smaller pieces than the one before.
func (k *checker) messageSize(topic string) func(ctx context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		largest, unknown := k.bytesSetting(topic)
		if unknown != nil {
			return *unknown
		}
		smallest := int64(0)
		for _, w := range k.Writes {
			if w.Topic == topic && w.MaxBytes > 0 && (smallest == 0 || w.MaxBytes < smallest) {
				smallest = w.MaxBytes
			}
		}
		switch {
		case smallest == 0:
			return doctor.Skipped("the output does not say how large its batches may become; the topic accepts %s", humanize.IBytes(uint64(largest)))
		case smallest > largest:
			return doctor.Failed("Raise max.message.bytes of the topic, or lower max_message_bytes of the output: otherwise a large record is retried forever and blocks its partition.",
				"an output writes batches of up to %s, and the topic accepts %s (max.message.bytes)", humanize.IBytes(uint64(smallest)), humanize.IBytes(uint64(largest)))
		}
		return doctor.OK("the topic accepts batches of %s", humanize.IBytes(uint64(largest)))
	}
}

// clock compares the brokers' clock with that of this machine. A record shows it only if
// the broker, not its producer, sets the timestamp.
func (k *checker) clock(topic string) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		kind, unknown := k.setting(topic, "message.timestamp.type")
		if unknown != nil {
			return *unknown
		}
		if kind != "LogAppendTime" {
			return doctor.Skipped("producers set the timestamps (message.timestamp.type is %s), so no record shows the brokers' clock", kind)
		}
		listed, err := k.admin.ListMaxTimestampOffsets(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return doctor.Skipped("asking for the newest record: %v", err)
		}
		newest := int64(-1)
		for _, o := range listed[topic] {
			newest = max(newest, o.Timestamp)
		}
		if newest < 0 {
			return doctor.Skipped("the topic is empty, so no record shows the brokers' clock")
		}
		if ahead := time.Until(time.UnixMilli(newest)); ahead > clockSlack {
			return doctor.Warning("Set the clocks of the brokers and of this machine, for example with chrony.", "the newest record was appended %s in the future: the clocks differ by that at least", ahead.Round(time.Second))
		}
		return doctor.OK("the newest record was appended at %s, not in the future", time.UnixMilli(newest).UTC().Format(time.DateTime))
	}
}

// clockSlack is how much clocks may differ.
const clockSlack = 5 * time.Second
