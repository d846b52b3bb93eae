package kafkabatch

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func allow(resource kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true}
}

func user(name string, acls ...kfake.ACL) kfake.Opt {
	return kfake.User("PLAIN", name, "secret", acls...)
}

func login(name string) string {
	return fmt.Sprintf("sasl: [ { mechanism: PLAIN, username: %s, password: secret } ]", name)
}

// What would break: an input that may not read its topic is active and ready, and
// nothing says which permission is missing. That Describe on the group is not enough
// only a real broker tells: see tests/exact.
func TestAMissingPermissionIsNamed(t *testing.T) {
	const topicType, groupType = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	const read, describes = kmsg.ACLOperationRead, kmsg.ACLOperationDescribe
	tweets, group := allow(topicType, "tweets", read), allow(groupType, "g", read)
	c := testenv.FakeKafka(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(2, "tweets", "mentions"),
		kfake.Superuser("PLAIN", "admin", "secret"),
		user("reader", tweets, group),
		user("nothing"),
		user("no-topic", group),
		user("no-read", allow(topicType, "tweets", describes), group),
		user("no-group", tweets),
	)
	for name, test := range map[string]struct {
		topics string
		says   []string
	}{
		"reader":        {"tweets", nil},
		"nothing":       {"tweets", []string{"the topic tweets", `allow the user "nothing" the operation Read on it`, "--topic tweets"}},
		"no-topic":      {"tweets", []string{"the topic tweets", `allow the user "no-topic" the operation Read on it`}},
		"no-read":       {"tweets", []string{"reading the topic tweets: TOPIC_AUTHORIZATION_FAILED", `allow the user "no-read" the operation Read on it`}},
		"no-group":      {"tweets", []string{"the group g: GROUP_AUTHORIZATION_FAILED", `allow the user "no-group" the operation Read on it`, "--group g"}},
		"reader of one": {"tweets, mentions", []string{"the topic mentions: TOPIC_AUTHORIZATION_FAILED"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, c, test.topics, login(strings.Fields(name)[0]))
			err := r.in.Connect(t.Context())
			failed := r.in.ConnectionTest(t.Context())[0].Err
			if test.says == nil {
				if err != nil || failed != nil {
					t.Fatalf("who may read is refused: %v, %v", err, failed)
				}
				return
			}
			for _, err := range []error{err, failed} {
				if err == nil {
					t.Fatal("who may not read is not refused")
				}
				wants(t, err.Error(), test.says...)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

// What would break: when the permission for one topic is taken away, the log does
// not say so, or those who lead the other topics are not asked for any more.
func TestAPermissionThatIsTakenAway(t *testing.T) {
	const read = kmsg.ACLOperationRead
	c := testenv.FakeKafka(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(1, "tweets", "mentions"),
		kfake.Superuser("PLAIN", "admin", "secret"),
		user("reader", allow(kmsg.ACLResourceTypeTopic, "tweets", read), allow(kmsg.ACLResourceTypeTopic, "mentions", read), allow(kmsg.ACLResourceTypeGroup, "g", read)),
	)
	r := newReader(t, c, "tweets, mentions", login("reader"))
	log := r.logs()
	if err := r.in.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 10*time.Second, "it is fetched", func() error {
		if p, ok := r.status("tweets", 0); !ok || p.Step != track.Fetch || !p.LagKnown {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	admin := kadm.NewClient(c.Client(t, kgo.SASL(plain.Auth{User: "admin", Pass: "secret"}.AsMechanism())))
	b := kadm.NewACLs().Topics("tweets").Allow("User:reader").AllowHosts("*").Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral)
	if _, err := admin.DeleteACLs(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 10*time.Second, "the log says which permission is missing", func() error {
		text := log()
		if !strings.Contains(text, `allow the user \"reader\" the operation Read on the topic`) {
			return errors.New(text)
		}
		if strings.Contains(text, "Asking who leads the partitions") {
			return fmt.Errorf("nobody is asked for: %s", text)
		}
		return nil
	})
}

// advertise makes a fake broker advertise another address.
func advertise(c *testenv.Cluster, host string, port int) {
	c.Fake.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		broker := kmsg.NewMetadataResponseBroker()
		broker.Host, broker.Port = host, int32(port)
		resp.Brokers = append(resp.Brokers, broker)
		for _, asked := range req.Topics {
			info := c.Fake.TopicInfo(*asked.Topic)
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic, topic.TopicID = asked.Topic, info.TopicID
			partition := kmsg.NewMetadataResponseTopicPartition()
			partition.Replicas, partition.ISR = []int32{0}, []int32{0}
			topic.Partitions = append(topic.Partitions, partition)
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
}

// What would break: who uses an address of a broker that advertises another one, as
// from outside of Docker, learns of a time-out and nothing else.
func TestAnAdvertisedAddressThatIsNotReachedIsNamed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	for name, address := range map[string]struct {
		host string
		port int
	}{
		"a name that is not known": {"kafka-internal.invalid", 9092},
		"nobody listens":           {"127.0.0.1", port},
	} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t, kfake.SeedTopics(1, "tweets"))
			advertise(c, address.host, address.port)
			r := newReader(t, c, "tweets", "")
			err := r.in.Connect(t.Context())
			if err == nil {
				t.Fatal("it is connected")
			}
			wants(t, err.Error(), fmt.Sprintf("reaching broker 0 at %s:%d, the address that it advertises", address.host, address.port),
				c.Brokers[0], "advertised.listeners", "seed_brokers")
		})
	}
}
