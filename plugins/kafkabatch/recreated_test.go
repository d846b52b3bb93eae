package kafkabatch

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func recreate(t *testing.T, c *testenv.Cluster, topic string, partitions int32) {
	t.Helper()
	if _, err := admin(t, c).DeleteTopics(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	c.CreateTopic(t, topic, partitions, nil)
}

// setOnly makes a commit of the first partition all that the group has committed.
func setOnly(t *testing.T, c *testenv.Cluster, topic string, o kadm.Offset) {
	t.Helper()
	if _, err := admin(t, c).DeleteGroup(t.Context(), "g"); err != nil {
		t.Fatal(err)
	}
	setOffset(t, c, topic, o.At, o.Metadata)
}

// The offsets of a recreated topic start again at 0: their records are not those that
// were read before.
func TestATopicThatIsCreatedAgain(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "")
	r.must().done(t)
	was := idOf(t, c, topic)
	recreate(t, c, topic, 1)
	produce(t, c, topic, 0, 2)
	wants(t, r.stopped(topic, 0), "deleted and created again", was, idOf(t, c, topic), "identity: source", "--delete-offsets")
	r.nothing(100 * time.Millisecond)
}

// No member may continue in a topic from the offsets of another one that had its name,
// whatever else the commit says, nor read those of its partitions that have no
// offset. The other topics must continue.
func TestATopicThatIsCreatedAgainWhileNobodyReads(t *testing.T) {
	for name, test := range map[string]struct {
		clean bool
		then  string
	}{
		"after a clean stop":       {true, "one"},
		"after a kill":             {false, "one"},
		"with another fingerprint": {false, "two"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic, other := c.Topic(t, 2), c.Topic(t, 1)
			produce(t, c, topic, 0, 3, 3)
			r := connected(t, c, topic, "fingerprint: one")
			r.must().done(t)
			if last := r.must(); test.clean {
				last.done(t)
			}
			r.close()
			commit, was := committedOf(t, c, topic, 0), idOf(t, c, topic)
			if want := metadataOf(t, c, topic, "one", test.clean); commit.Metadata != want {
				t.Fatalf("%q is committed, want %q", commit.Metadata, want)
			}
			recreate(t, c, topic, 2)
			for p := range int32(2) {
				produce(t, c, topic, p, 5, 5)
			}
			setOnly(t, c, topic, commit)

			produce(t, c, other, 0, 1)
			r = connected(t, c, topic+", "+other, "fingerprint: "+test.then)
			b := r.must()
			if b.meta(contract.KafkaTopic) != other {
				t.Errorf("the batch at %v of partition %v comes of the topic that was created again", b.meta(contract.KafkaOffset), b.meta(contract.KafkaPartition))
			}
			b.done(t)
			for p := range int32(2) {
				wants(t, r.stopped(topic, p), "deleted and created again", was, idOf(t, c, topic), "identity: source", "--delete-offsets --topic "+topic)
			}
			r.nothing(100 * time.Millisecond)
			r.close()
			if o := committedOf(t, c, topic, 0); o.At != commit.At || o.Metadata != commit.Metadata {
				t.Errorf("%d %q is committed by who does not read, want %d %q as before", o.At, o.Metadata, commit.At, commit.Metadata)
			}

			// The way on that the log says.
			if _, err := admin(t, c).DeleteGroup(t.Context(), "g"); err != nil {
				t.Fatal(err)
			}
			r = connected(t, c, topic, "fingerprint: "+test.then)
			for range 2 {
				if b := r.must(); b.meta(contract.KafkaOffset) != 0 && b.meta(contract.KafkaOffset) != 5 {
					t.Errorf("the batch at %v comes", b.meta(contract.KafkaOffset))
				}
			}
		})
	}
}

// A commit without the id of a topic is of the present one.
func TestACommitWithoutATopic(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 3)
	setOffset(t, c, topic, 3, track.CommitMetadata{Fingerprint: track.Fingerprint("")}.String())
	r := connected(t, c, topic, "")
	b := r.must()
	if b.meta(contract.KafkaOffset) != 3 {
		t.Errorf("beginning at %v, want 3", b.meta(contract.KafkaOffset))
	}
	b.done(t)
	r.close()
	if o := committedOf(t, c, topic, 0); o.At != 6 || o.Metadata != metadataOf(t, c, topic, "", true) {
		t.Errorf("%d %q is committed, want 6 with the topic's id", o.At, o.Metadata)
	}
}
