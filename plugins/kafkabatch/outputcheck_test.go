package kafkabatch

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the connection test does not say which topic the user may not write to,
// or passes, since a topic that does not exist could be created.
func TestOutputConnectionTestOfAForbiddenTopic(t *testing.T) {
	c := testenv.FakeKafka(t)
	o := outputOn(t, c, "forbidden", "message: record")
	c.Fake.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		if len(req.Topics) == 0 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.ErrorCode = req.Topics[0].Topic, kerr.TopicAuthorizationFailed.Code
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	err := o.ConnectionTest(t.Context())[0].Err
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Fatalf("the connection test says %v", err)
	}
	wants(t, err.Error(), "looking up the topic forbidden", "allow this client the operation Write")
}

// If this fails, who has a wrong address in seed_brokers is sent to advertised.listeners.
func TestOutputNamesBrokersThatDoNotAnswer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	parsed, err := outputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\ntopic: t\nmessage: record", address), nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOutput(parsed, service.MockResources())
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"connecting": o.Connect(t.Context()), "the connection test": o.ConnectionTest(t.Context())[0].Err} {
		if err == nil || strings.Contains(err.Error(), "advertise") || !strings.Contains(err.Error(), "reaching a broker at "+address) || !strings.Contains(err.Error(), "check seed_brokers") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := o.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// If this fails, a pipeline with acks: none reports success for records that Kafka refuses.
func TestOutputWithoutResponsesNeedsATopicThatAcceptsAll(t *testing.T) {
	c := testenv.FakeKafka(t)
	for _, test := range []struct {
		topic map[string]string
		yaml  string
		want  []string // of the error; none if it connects
	}{
		{nil, "message: record", nil},
		{nil, "message: record_batch", nil},
		{map[string]string{"max.message.bytes": "20000"}, "message: record", []string{"max_batch_bytes is 1048576 bytes", "accepts batches of 20000", "acks to leader or all"}},
		{map[string]string{"max.message.bytes": "20000"}, "message: record_batch", []string{"max_batch_bytes is 1048576 bytes", "accepts batches of 20000", "acks to leader or all"}},
		{map[string]string{"max.message.bytes": "20000"}, "message: record_batch\nmax_batch_bytes: 20KB", nil},
		{map[string]string{"cleanup.policy": "compact"}, "message: record", []string{"is compacted", "without a key", "acks to leader or all"}},
		{map[string]string{"cleanup.policy": "compact,delete"}, "message: record_batch", []string{"is compacted"}},
		{map[string]string{"cleanup.policy": "compact"}, "message: record\nkey: ${! @id }", nil},
	} {
		topic := c.Topic(t, 1) + "_settings"
		c.CreateTopic(t, topic, 1, test.topic)
		for _, acks := range []string{acksNone, acksLeader} {
			parsed, err := outputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\ntopic: %s\nacks: %s\n%s", c.Brokers[0], topic, acks, test.yaml), nil)
			if err != nil {
				t.Fatal(err)
			}
			o, err := newOutput(parsed, service.MockResources())
			if err != nil {
				t.Fatal(err)
			}
			err = o.Connect(t.Context())
			switch {
			case acks == acksLeader || test.want == nil:
				if err != nil {
					t.Errorf("%v, acks %s, %s: %v", test.topic, acks, test.yaml, err)
				}
			case err == nil:
				t.Errorf("%v, acks %s, %s: it connects", test.topic, acks, test.yaml)
			default:
				wants(t, err.Error(), test.want...)
			}
			if err := o.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

// If this fails, a user who may not read the settings of a topic is not told that nobody
// checks whether it refuses records.
func TestOutputWithoutResponsesSaysThatNothingIsChecked(t *testing.T) {
	c := testenv.FakeKafka(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(1, "tweets"),
		user("writer", allow(kmsg.ACLResourceTypeTopic, "tweets", kmsg.ACLOperationWrite)))
	for acks, want := range map[string][]string{
		acksNone:   {"whether the topic tweets accepts", "TOPIC_AUTHORIZATION_FAILED", "writer", "DescribeConfigs"},
		acksLeader: nil,
	} {
		o := outputOn(t, c, "tweets", "message: record\nacks: "+acks+"\n"+login("writer"))
		var log bytes.Buffer
		o.log = service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&log, nil)))
		if err := o.compareTopic(t.Context()); err != nil {
			t.Error(err)
		}
		wants(t, log.String(), want...)
		if want == nil && log.Len() > 0 {
			t.Errorf("acks %s: %s", acks, log.String())
		}
	}
}
