package kafkabatch

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
)

// wrongSeveral is for several topics without an identity that tells them apart.
const wrongSeveral = "topics names several, %v: with identity: timestamp the point of one would replace the point of another at the same offset. " +
	"Set identity: source, here and in sentiment_window, or give each topic an input, a consumer_group and a bucket or measurement of its own"

// severalRule is its lint rule.
const severalRule = `
  this.identity.or("` + contract.IdentityTimestamp + `") == "` + contract.IdentityTimestamp + `" && ` + listedTopics + `.length() > 1 => [ "` + wrongSeveral + `".format(` + listedTopics + `.join(", ")) ],`

const listedTopics = `this.topics.or([]).map_each(t -> t.string().split(",")).flatten().map_each(t -> t.trim()).filter(t -> t != "").unique()`

func (c *config) checkIdentity() error {
	if err := lintrule.CheckEnum(fieldIdentity, c.identity, contract.IdentityTimestamp, contract.IdentitySource); err != nil {
		return err
	}
	if c.identity == contract.IdentityTimestamp && len(c.topics) > 1 {
		return fmt.Errorf(wrongSeveral, strings.Join(c.topics, ", "))
	}
	return nil
}

// tellTopicsApart refuses topics that identity: source cannot tell apart: those
// without an id, and two whose ids have the same tag.
func (pre *preflighter) tellTopicsApart() error {
	if pre.conf.identity != contract.IdentitySource {
		return nil
	}
	tags := map[string]string{}
	for _, name := range pre.conf.topics {
		id := pre.topics[name].ID
		if id == [16]byte{} {
			return refused(fmt.Errorf("%s: %s needs the id of the topic %s, and the brokers give none (Kafka has ids since 2.8): read one topic with %s: %s",
				fieldIdentity, contract.IdentitySource, name, fieldIdentity, contract.IdentityTimestamp))
		}
		tag := stamp.TopicTag(id)
		if other, taken := tags[tag]; taken {
			return refused(fmt.Errorf("the topics %s and %s have ids with the same first 30 bits (%s), so that %s: %s does not tell them apart: give one of them an input, a %s and a bucket or measurement of its own",
				other, name, tag, fieldIdentity, contract.IdentitySource, fieldConsumerGroup))
		}
		tags[tag] = name
	}
	return nil
}

// otherTopic refuses to count a second topic where a group has counted another
// one: with identity: timestamp its points would replace those of the first.
func (pre *preflighter) otherTopic(offsets kadm.OffsetResponses) error {
	if pre.conf.identity != contract.IdentityTimestamp {
		return nil
	}
	for _, o := range offsets.Sorted() {
		if _, ours := track.ParseCommitMetadata(o.Metadata); !ours || o.At < 0 || pre.topics[o.Topic] != nil {
			continue
		}
		return refused(fmt.Errorf("the group %s has counted the topic %s, up to offset %d of partition %d, and is now to count %s: with %s: %s the points of one would replace points of the other. "+
			"Choose: (1) give this one a `%s` and a bucket or measurement of its own; "+
			"(2) set `%s: %s`, here and in sentiment_window; "+
			"(3) if the points of %s are gone or elsewhere, delete its offsets with kafka-consumer-groups --delete-offsets --group %s --topic %s",
			pre.conf.group, o.Topic, o.At, o.Partition, strings.Join(pre.conf.topics, ", "), fieldIdentity, contract.IdentityTimestamp,
			fieldConsumerGroup, fieldIdentity, contract.IdentitySource, o.Topic, pre.conf.group, o.Topic))
	}
	return nil
}
