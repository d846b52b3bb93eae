package doctor_test

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// secured is an edit that connects with TLS.
func secured(ca string) func(string) string {
	tls := "\n%[1]stls: { enabled: true"
	if ca != "" {
		tls += fmt.Sprintf(", root_cas_file: %q", ca)
	}
	return everyConnection(tls + " }")
}

// loggingIn is an edit that logs in.
func loggingIn(mechanism, user, password string) func(string) string {
	return everyConnection(fmt.Sprintf("\n%%[1]ssasl: [ { mechanism: %s, username: %s, password: %s } ]", mechanism, user, password))
}

// identifiedBySource is an edit that allows several topics.
var identifiedBySource = replaced("    fingerprint:", "    identity: source\n    fingerprint:", "        emit: windows\n", "        emit: windows\n        identity: source\n")

// everyConnection adds lines below the brokers of each component.
func everyConnection(lines string) func(string) string {
	return func(pipeline string) string {
		var b strings.Builder
		for line := range strings.Lines(pipeline) {
			b.WriteString(line)
			if content := strings.TrimLeft(line, " "); strings.HasPrefix(content, "seed_brokers:") {
				b.WriteString(strings.TrimPrefix(fmt.Sprintf(lines, line[:len(line)-len(content)]), "\n") + "\n")
			}
		}
		return b.String()
	}
}

// If this fails, the doctor does not name what is wrong with a Kafka, or finds fault with
// one that works.
func TestFaultsOfKafka(t *testing.T) {
	t.Parallel()
	k := startKafka(t)
	influx := testenv.Influx(t, testenv.InfluxV1)
	topic := func(name string, partitions int32, settings map[string]string) {
		k.CreateTopic(t, name, partitions, settings)
	}
	topic("tweets", 1, nil)
	topic("dead", 1, nil)
	k.Produce(t, tweets("tweets", 100, 10*time.Second)...)
	healthy := map[string]string{
		"KAFKA_BROKERS": k.Brokers[0], "TOPIC": "tweets", "DEAD_TOPIC": "dead", "CONSUMER_GROUP": "healthy",
		"INFLUXDB_URL": influx.URL, "INFLUXDB_BUCKET": influx.Bucket,
		"HTTP_ADDRESS": "127.0.0.1:0",
	}
	user := k.Listeners["USERS"]
	for _, name := range []string{"all", "noread", "nowrite", "nogroup", "noconfig"} {
		if name != "noread" {
			k.allow(t, name, []string{"tweets"}, nil, kadm.OpRead)
		}
		if name != "nowrite" {
			k.allow(t, name, []string{"dead"}, nil, kadm.OpWrite)
		}
		if name != "nogroup" {
			k.allow(t, name, nil, []string{"healthy"}, kadm.OpRead)
		}
		if name != "noconfig" {
			k.allow(t, name, []string{"tweets", "dead"}, nil, kadm.OpDescribeConfigs)
		}
	}
	t.Run("healthy", func(t *testing.T) {
		if r := examined(t, testenv.Command{Env: healthy}); r.Outcome != "ok" {
			t.Errorf("%s", r.text())
		}
	})
	t.Run("healthy with a login", func(t *testing.T) {
		fault{env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("PLAIN", "all", "secret")}.run(t)
	})
	t.Run("healthy with TLS", func(t *testing.T) {
		fault{env: with(healthy, "KAFKA_BROKERS", k.Listeners["SECURE"]), edit: secured(k.ca)}.run(t)
	})
	t.Run("what may not be known is skipped", func(t *testing.T) {
		fault{env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("PLAIN", "noconfig", "secret")}.run(t)
	})

	topic("wide", 65, nil)
	topic("compacted", 1, map[string]string{"cleanup.policy": "compact"})
	topic("dead-small", 1, map[string]string{"max.message.bytes": "2000"})
	topic("large", 1, map[string]string{"max.message.bytes": "67108864"})
	topic("truncated", 1, nil)
	k.Produce(t, tweets("truncated", 100, 10*time.Second)...)
	k.commit(t, "truncated", "truncated", 5, "")
	if _, err := kadm.NewClient(k.Client(t)).DeleteRecords(t.Context(), kadm.Offsets{"truncated": {0: {Topic: "truncated", At: 50, LeaderEpoch: -1}}}); err != nil {
		t.Fatal(err)
	}
	topic("late", 1, nil)
	k.Produce(t, tweets("late", 100, time.Hour)...)
	k.commit(t, "late", "late", 10, "")
	topic("expiring", 1, map[string]string{"retention.ms": "7200000"})
	k.Produce(t, tweets("expiring", 100, 90*time.Minute)...)
	k.commit(t, "expiring", "expiring", 10, "")
	topic("stuck", 1, nil)
	k.Produce(t, tweets("stuck", 100, 10*time.Second)...)
	k.commit(t, "stuck", "stuck", 10, "")
	k.member(t, "stuck", "stuck")
	topic("crowded", 1, nil)
	k.Produce(t, tweets("crowded", 10, 10*time.Second)...)
	k.commit(t, "crowded", "crowded", 10, "")
	k.member(t, "crowded", "crowded")
	k.member(t, "crowded", "crowded")
	topic("quiet", 1, nil)
	k.Produce(t, tweets("quiet", 10, 10*time.Second)...)
	k.member(t, "quiet", "quiet")
	topic("left", 1, nil)
	topic("right", 1, nil)
	k.member(t, "both", "left", "right")
	k.member(t, "both", "left", "right")
	topic("json", 1, nil)
	for range 5 {
		k.Produce(t, &kgo.Record{Topic: "json", Value: []byte(`{"id":"1","text":"a","brand":"b","sentiment":"positive","timestamp":1700000000000}`)})
	}
	topic("mixed", 1, nil)
	k.Produce(t, append(tweets("mixed", 5, 10*time.Second), &kgo.Record{Topic: "mixed", Value: []byte("no tweet")})...)
	topic("skewed", 4, nil)
	skewed := tweets("skewed", 2000, 10*time.Second)
	for i, r := range skewed {
		if r.Key = fmt.Appendf(nil, "user %d", i); i%20 > 0 {
			r.Key = []byte("app 42")
		}
	}
	k.Produce(t, skewed...)
	topic("ahead", 1, nil)
	k.Produce(t, tweets("ahead", 5, -50*time.Minute)...)
	if _, err := kadm.NewClient(k.Client(t)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.timestamp.type", Value: kadm.StringPtr("LogAppendTime")}}, "ahead"); err != nil {
		t.Fatal(err)
	}
	topic("other-fingerprint", 1, nil)
	k.Produce(t, tweets("other-fingerprint", 5, 10*time.Second)...)
	k.commit(t, "other-fingerprint", "other-fingerprint", 3, track.CommitMetadata{Fingerprint: "another"}.String())
	testenv.Eventually(t, 20*time.Second, "two members", func() error {
		described, err := kadm.NewClient(k.Client(t)).DescribeGroups(t.Context(), "crowded", "stuck", "both")
		if err == nil && (len(described["both"].Members) != 2 || described["both"].State != "Stable" || len(described["crowded"].Members) != 2 || len(described["stuck"].Members) != 1 || described["crowded"].State != "Stable") {
			err = fmt.Errorf("%v", described)
		}
		return err
	})

	group := func(name string) map[string]string { return with(healthy, "TOPIC", name, "CONSUMER_GROUP", name) }
	runAll(t, map[string]fault{
		"a name without an address":   {want: doctor.KafkaNames, says: "kafka.invalid", env: with(healthy, "KAFKA_BROKERS", "kafka.invalid:9092")},
		"nobody listens":              {want: doctor.KafkaReach, says: "refused", env: with(healthy, "KAFKA_BROKERS", "127.0.0.1:9")},
		"one broker of two":           {want: doctor.KafkaReach, says: "1 of 2", env: with(healthy, "KAFKA_BROKERS", "127.0.0.1:9,"+k.Brokers[0])},
		"the listener expects TLS":    {want: doctor.KafkaTLS, says: "expects TLS", env: with(healthy, "KAFKA_BROKERS", k.Listeners["SECURE"])},
		"the listener has no TLS":     {want: doctor.KafkaTLS, env: healthy, edit: secured(k.ca)},
		"an unknown authority":        {want: doctor.KafkaTLS, says: "unknown authority", env: with(healthy, "KAFKA_BROKERS", k.Listeners["SECURE"]), edit: secured("")},
		"a certificate for another":   {want: doctor.KafkaTLS, says: "kafka.example.com", env: with(healthy, "KAFKA_BROKERS", strings.Replace(k.Listeners["OTHERNAME"], "127.0.0.1", "localhost", 1)), edit: secured(k.ca)},
		"an expired certificate":      {want: doctor.KafkaTLS, says: "expired", env: with(healthy, "KAFKA_BROKERS", k.Listeners["EXPIRED"]), edit: secured(k.ca)},
		"a certificate that ends":     {want: doctor.KafkaTLS, says: "expires in 2", env: with(healthy, "KAFKA_BROKERS", k.Listeners["SOON"]), edit: secured(k.ca)},
		"one that ends, one expired":  {want: doctor.KafkaTLS, says: "expired", env: with(healthy, "KAFKA_BROKERS", k.Listeners["SOON"]+","+k.Listeners["EXPIRED"]), edit: secured(k.ca)},
		"not Kafka":                   {want: doctor.KafkaTLS, says: "not Kafka", env: with(healthy, "KAFKA_BROKERS", strings.TrimPrefix(influx.URL, "http://"))},
		"a wrong password":            {want: doctor.KafkaLogin, says: "SASL_AUTHENTICATION_FAILED", env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("PLAIN", "all", "wrong")},
		"no login":                    {want: doctor.KafkaLogin, says: "requires a login", env: with(healthy, "KAFKA_BROKERS", user)},
		"a login where none is used":  {want: doctor.KafkaLogin, says: "expects no login", env: healthy, edit: loggingIn("PLAIN", "all", "secret")},
		"an unsupported mechanism":    {want: doctor.KafkaLogin, says: "mechanism", env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("SCRAM-SHA-256", "all", "secret")},
		"an unreached address":        {want: doctor.KafkaAdvertised, says: "advertises 127.0.0.1:9: ", env: with(healthy, "KAFKA_BROKERS", k.Listeners["ELSEWHERE"])},
		"no topic":                    {want: doctor.KafkaTopic, says: "does not exist", env: with(healthy, "TOPIC", "tweetz")},
		"no topic for dead letters":   {want: doctor.KafkaTopic, says: "does not exist", env: with(healthy, "DEAD_TOPIC", "deaf")},
		"no right to read":            {want: doctor.KafkaRead, says: `"noread"`, env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("PLAIN", "noread", "secret")},
		"no right to write":           {want: doctor.KafkaWrite, says: `"nowrite"`, env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("PLAIN", "nowrite", "secret")},
		"no right to join":            {want: doctor.KafkaGroupAccess, says: `"nogroup"`, env: with(healthy, "KAFKA_BROKERS", user), edit: loggingIn("PLAIN", "nogroup", "secret")},
		"too many partitions":         {want: doctor.KafkaPartitions, says: "65 partitions", env: with(healthy, "TOPIC", "wide")},
		"a compacted topic":           {want: doctor.KafkaCleanup, says: "compact", env: with(healthy, "TOPIC", "compacted")},
		"dead letters too large":      {want: doctor.KafkaMessageSize, says: "2.0 KiB", env: with(healthy, "DEAD_TOPIC", "dead-small")},
		"batches too large":           {want: doctor.KafkaMessageSize, says: "64 MiB", env: with(healthy, "TOPIC", "large")},
		"records deleted unread":      {want: doctor.KafkaRetention, says: "45 records were deleted unread", env: group("truncated")},
		"records about to be deleted": {want: doctor.KafkaLag, says: "no member", env: group("expiring")},
		"no pipeline":                 {want: doctor.KafkaLag, says: "90 records", env: group("late")},
		"a partition that is stuck":   {want: doctor.KafkaStuck, says: "0 (at offset 10)", env: group("stuck")},
		"no commit from the start":    {want: doctor.KafkaStuck, says: "0 (at offset 0)", env: group("quiet")},
		"no commit from the end":      {env: group("quiet"), edit: replaced("    fingerprint:", "    start_offset: latest\n    fingerprint:")},
		"idle members":                {want: doctor.KafkaGroup, says: "2 members share 1 partitions", env: group("crowded")},
		"members of two topics":       {env: with(group("both"), "TOPIC", "left,right"), edit: identifiedBySource},
		"another encoding":            {want: doctor.KafkaRecords, says: "none of 5 records", env: group("json")},
		"some bad records":            {want: doctor.KafkaRecords, says: "1 of 6 records", env: group("mixed")},
		"a hot key":                   {want: doctor.KafkaSkew, says: `have the key "app 42"`, env: group("skewed")},
		"a clock that is ahead":       {want: doctor.KafkaClock, says: "in the future", env: group("ahead")},
		"another fingerprint":         {want: doctor.Connection, says: "work of another configuration unfinished", env: group("other-fingerprint")},
		"no registry":                 {want: doctor.Registry, says: "refused", env: healthy, edit: replaced("        emit: windows\n", "        emit: windows\n        schema_registry: { url: 'http://127.0.0.1:9' }\n", "${ENCODING:avro}", "avro_confluent")},
		"a swallowed connection":      {want: doctor.KafkaReach, says: "i/o timeout", env: with(healthy, "KAFKA_BROKERS", swallowing(t))},
		"a server that never answers": {want: doctor.KafkaTLS, env: with(healthy, "KAFKA_BROKERS", silent(t))},
	})
	t.Run("a pipeline that is idle", func(t *testing.T) {
		env := with(healthy, "CONSUMER_GROUP", "idle")
		p := testenv.Start(t, testenv.Command{Config: "config/exact.yaml", Env: env})
		testenv.Eventually(t, 60*time.Second, "it has read everything", func() error {
			lag, err := k.Lag(t.Context(), "idle", "tweets")
			if err == nil && lag > 0 {
				err = fmt.Errorf("%d", lag)
			}
			return err
		})
		time.Sleep(6 * time.Second) // until its rates are those of nothing
		r := examined(t, testenv.Command{Env: with(env, "HTTP_ADDRESS", p.Address())})
		if first := r.first(); first.Check != string(doctor.PipelineBottleneck) || first.Status != "warning" || !strings.Contains(first.Seen, "No tweets arrive") {
			t.Errorf("%+v\n%s", first, r.text())
		}
	})
	t.Run("expiring records are also reported", func(t *testing.T) {
		r := examined(t, testenv.Command{Env: group("expiring")})
		if f := r.of(doctor.KafkaRetention); len(f) != 1 || f[0].Status != "warning" || !strings.Contains(f[0].Seen, "2h0m0s") {
			t.Errorf("%+v", f)
		}
	})
	t.Run("skipped with why", func(t *testing.T) {
		command := testenv.Command{Env: with(healthy, "KAFKA_BROKERS", user)}
		file := t.TempDir() + "/pipeline.yaml"
		writeFile(t, file, []byte(loggingIn("PLAIN", "noconfig", "secret")(exact(t))))
		command.Args = []string{"doctor", "--json", file}
		r := examined(t, command)
		for _, one := range r.of(doctor.KafkaCleanup) {
			if one.Status != "skipped" || !strings.Contains(one.Seen, "DescribeConfigs") {
				t.Errorf("%+v", one)
			}
		}
	})
}

// silent returns the address of a listener that accepts connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// swallowing returns an address of loopback whose connections are never answered, as
// behind a firewall: the queue of its listener is full, so the kernel drops the packets.
func swallowing(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 4 {
		c, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the kernel still answers")
	return ""
}
