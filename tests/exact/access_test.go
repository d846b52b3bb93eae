package exact_test

import (
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a topic that may not be read, or a broker that cannot be reached, is
// waited for by an input that says it is ready, instead of being reported with what to
// do.
func TestARealBrokerThatDeniesAccess(t *testing.T) {
	const users = `org.apache.kafka.common.security.plain.PlainLoginModule required ` +
		`user_reader="secret" user_noread="secret" user_notopic="secret" user_nogroup="secret" user_groupdescribed="secret";`
	c := testenv.OwnKafka(t, kafkad.Options{
		HeapMB: 384,
		Listeners: []kafkad.Listener{
			{Name: "USERS", Protocol: "SASL_PLAINTEXT"},
			{Name: "ELSEWHERE", Protocol: "PLAINTEXT", Advertise: "kafka-internal.invalid:9092"},
		},
		Properties: map[string]string{
			"authorizer.class.name":                       "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users":                                 "User:ANONYMOUS",
			"sasl.enabled.mechanisms":                     "PLAIN",
			"listener.name.users.plain.sasl.jaas.config":  users,
			"listener.name.users.sasl.enabled.mechanisms": "PLAIN",
		},
	})
	topic := c.Topic(t, 2)
	c.Produce(t, records(rand.New(rand.NewPCG(7, 0)), topic, 2, 10)...)
	admin := kadm.NewClient(c.Client(t))
	allow := func(user string, operation kadm.ACLOperation, topics, groups []string) {
		t.Helper()
		b := kadm.NewACLs().Allow("User:" + user).AllowHosts("*").Operations(operation).ResourcePatternType(kadm.ACLPatternLiteral).Topics(topics...).Groups(groups...)
		created, err := admin.CreateACLs(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range created {
			if one.Err != nil {
				t.Fatal(one.Err)
			}
		}
	}
	one := []string{topic} // the group has its name
	allow("reader", kadm.OpRead, one, one)
	allow("noread", kadm.OpDescribe, one, nil)
	allow("noread", kadm.OpRead, nil, one)
	allow("notopic", kadm.OpRead, nil, one)
	allow("nogroup", kadm.OpRead, one, nil)
	allow("groupdescribed", kadm.OpRead, one, nil)
	allow("groupdescribed", kadm.OpDescribe, nil, one)

	as := func(user string) *consumer {
		at := &testenv.Cluster{Brokers: []string{c.Listeners["USERS"]}}
		return consume(t, at, topic, "sasl: [ { mechanism: PLAIN, username: "+user+", password: secret } ]", never)
	}
	for user, says := range map[string][]string{
		"noread":         {"reading the topic " + topic + ": TOPIC_AUTHORIZATION_FAILED", `allow the user \"noread\" the operation Read on it`},
		"notopic":        {"asking for the topic " + topic + ": TOPIC_AUTHORIZATION_FAILED", `allow the user \"notopic\" the operation Read on it`},
		"nogroup":        {"the group " + topic + ": GROUP_AUTHORIZATION_FAILED", `allow the user \"nogroup\" the operation Read on it`},
		"groupdescribed": {"joining the group " + topic + ": GROUP_AUTHORIZATION_FAILED", `allow the user \"groupdescribed\" the operation Read on it`},
	} {
		t.Run(user, func(t *testing.T) { as(user).waitForLog(t, says...) })
	}
	t.Run("reader", func(t *testing.T) { as("reader").waitFor(t, readAll(t, &c.Cluster, topic, 10)) })
	t.Run("an address that is not reached", func(t *testing.T) {
		elsewhere := c.Listeners["ELSEWHERE"]
		consume(t, &testenv.Cluster{Brokers: []string{elsewhere}}, topic, "", never).
			waitForLog(t, "reaching broker 1 at kafka-internal.invalid:9092, the address that it advertises", elsewhere, "advertised.listeners")
	})
}
