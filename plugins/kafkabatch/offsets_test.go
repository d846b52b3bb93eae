package kafkabatch

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: a partition whose first offset cannot be found rests twice for
// each attempt, and a warning is logged while leaders change.
func TestAnAttemptToBeginThatFailsCountsOnce(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	var failed atomic.Int32
	c.Fake.ControlKey(int16(kmsg.ListOffsets), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := kreq.(*kmsg.ListOffsetsRequest)
		if req.Topics[0].Partitions[0].Timestamp != -2 || failed.Load() == patientFailures-1 {
			return nil, nil, false
		}
		failed.Add(1)
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		rp := kmsg.NewListOffsetsResponseTopicPartition()
		rp.ErrorCode = kerr.UnknownServerError.Code
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	r := newReader(t, c, topic, "")
	logs := r.logs()
	if err := r.in.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.must().done(t)
	if failed.Load() != patientFailures-1 || strings.Contains(logs(), "waits") {
		t.Errorf("%d attempts have failed, and the log is:\n%s", failed.Load(), logs())
	}
}

// What would break: a partition waits, and the log does not say what Kafka has said
// against it, or has no error at all.
func TestAnOffsetThatIsMissingHasItsReason(t *testing.T) {
	unreachable := errors.New("connection refused")
	l := listed{kadm.ListedOffsets{
		"t":    {0: {Offset: 7}, 1: {Offset: -1, Err: kerr.NotLeaderForPartition}},
		"gone": {-1: {Partition: -1, Err: kerr.UnknownTopicOrPartition}},
	}, unreachable}
	for id, want := range map[track.ID]error{
		{Topic: "t", Partition: 0}:    nil,
		{Topic: "t", Partition: 1}:    kerr.NotLeaderForPartition,
		{Topic: "t", Partition: 2}:    unreachable,
		{Topic: "gone", Partition: 0}: kerr.UnknownTopicOrPartition,
	} {
		if offset, err := l.of(id); !errors.Is(err, want) || err == nil && offset != 7 {
			t.Errorf("%v: got %d, %v, want %v", id, offset, err, want)
		}
	}
	if _, err := (listed{}).of(track.ID{}); err == nil {
		t.Error("a response without the partition gives no error")
	}
}
