package kafkabatch

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

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
