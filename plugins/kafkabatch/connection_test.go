package kafkabatch

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Who has the password must get in, and nobody else.
func TestSASL(t *testing.T) {
	t.Setenv("BRANDPULSE_TEST_PASSWORD", "secret'#")
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c := testenv.FakeKafka(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "brandpulse", "secret'#"), kfake.SeedTopics(1, "t"))
			connected(t, c, "t", "sasl: [ { mechanism: "+mechanism+", username: brandpulse, password: \"secret'#\" } ]")
			connected(t, c, "t", "sasl: [ { mechanism: "+mechanism+", username: brandpulse, password_env: BRANDPULSE_TEST_PASSWORD } ]")
			err := newReader(t, c, "t", "sasl: [ { mechanism: "+mechanism+", username: brandpulse, password: guessed } ]").in.Connect(t.Context())
			if err == nil {
				t.Fatal("a wrong password gets in")
			}
			if strings.Contains(err.Error(), "guessed") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

// A broker that speaks TLS must be reached if its certificate is known, and not
// otherwise.
func TestTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
	defer certified.Close()
	c := testenv.FakeKafka(t, kfake.TLS(certified.TLS), kfake.SeedTopics(1, "t"))
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	connected(t, c, "t", "tls: { enabled: true, root_cas_file: "+file+" }")
	if err := newReader(t, c, "t", "tls: { enabled: true }").in.Connect(t.Context()); err == nil {
		t.Error("an unknown certificate is trusted")
	}
}

// What cannot work must be refused before anything is read, by lint and without.
func TestWrongSettings(t *testing.T) {
	const good = "seed_brokers: [ localhost:9092 ]\ntopics: [ t ]\nconsumer_group: g\n"
	for name, test := range map[string]struct {
		yaml, want string
		lint       bool
	}{
		"expression":               {"seed_brokers: [ a:1 ]\ntopics: [ 't, tweets-.*' ]\nconsumer_group: g", `"tweets-.*" is not the name of a topic`, true},
		"dots":                     {"seed_brokers: [ a:1 ]\ntopics: [ '..' ]\nconsumer_group: g", `".." is not the name of a topic`, true},
		"long topic":               {"seed_brokers: [ a:1 ]\ntopics: [ " + strings.Repeat("t", 250) + " ]\nconsumer_group: g", "is not the name of a topic", true},
		"no broker":                {"seed_brokers: []\ntopics: [ t ]\nconsumer_group: g", "seed_brokers", true},
		"no topic":                 {"seed_brokers: [ a:1 ]\ntopics: []\nconsumer_group: g", "topics", true},
		"partitions":               {"seed_brokers: [ a:1 ]\ntopics: [ 't:0' ]\nconsumer_group: g", "offsets of the consumer group", true},
		"no group":                 {"seed_brokers: [ a:1 ]\ntopics: [ t ]\nconsumer_group: ''", "consumer_group", true},
		"emit":                     {good + "emit: tweets", "emit", true},
		"empty brokers":            {"seed_brokers: [ ', ' ]\ntopics: [ t ]\nconsumer_group: g", "seed_brokers", true},
		"empty topics":             {"seed_brokers: [ a:1 ]\ntopics: [ '' ]\nconsumer_group: g", "topics", true},
		"size":                     {good + "max_in_flight_bytes: much", "max_in_flight_bytes is \"much\": it must be a size such as 512KiB or 64MiB", true},
		"no size":                  {good + "max_batch_bytes: 0B", "max_batch_bytes is \"0B\"", true},
		"size of 32 bits":          {good + "fetch_max_bytes: 2GiB", "fetch_max_bytes is \"2GiB\"", true},
		"sum of 32 bits":           {good + "fetch_max_bytes: 1GiB\nmax_batch_bytes: 1GiB", "fetch_max_bytes and max_batch_bytes", true},
		"sum of 30 bits":           {good + "fetch_max_bytes: 600MiB\nmax_batch_bytes: 600MiB", "fetch_max_bytes and max_batch_bytes", true},
		"sum with a default":       {good + "fetch_max_bytes: 1GiB", "fetch_max_bytes and max_batch_bytes", true},
		"most there can be":        {good + "fetch_max_bytes: 992MiB", "", true},
		"fetch_min_bytes":          {good + "fetch_min_bytes: 17MiB", "fetch_min_bytes is larger than fetch_max_bytes", true},
		"period":                   {good + "commit_period: 0s", "commit_period is", true},
		"period in days":           {good + "commit_period: 1d", "commit_period", true},
		"no unit":                  {good + "session_timeout: 90", "session_timeout", true},
		"no duration":              {good + "session_timeout: bla", "session_timeout", true},
		"session of 32 bits":       {good + "session_timeout: 600h", "session_timeout is", true},
		"metadata_max_age":         {good + "metadata_max_age: 2h", "metadata_max_age is", true},
		"conn_idle_timeout":        {good + "conn_idle_timeout: 1h", "conn_idle_timeout is", true},
		"request_timeout_overhead": {good + "request_timeout_overhead: 10ms", "request_timeout_overhead is", true},
		"heartbeat":                {good + "heartbeat_interval: 2m", "heartbeat_interval must be shorter than session_timeout", true},
		"short session":            {good + "session_timeout: 3s", "heartbeat_interval must be shorter than session_timeout", true},
		"start_offset":             {good + "start_offset: middle", "start_offset is \"middle\": it must be earliest, latest or committed", true},
		"former emit":              {good + "emit: block", "emit is \"block\", which is now called record_batch", true},
		"on_lost_records":          {good + "on_lost_records: cry", "on_lost_records is \"cry\"", true},
		"mechanism":                {good + "sasl: [ { mechanism: OAUTHBEARER } ]", "mechanism is \"OAUTHBEARER\": it must be none, PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", true},
		"password twice":           {good + "sasl: [ { mechanism: PLAIN, username: a, password: canary, password_env: B } ]", "only one of password, password_env and password_file", true},
		"password is no variable":  {good + "sasl: [ { mechanism: PLAIN, username: a, password_env: 'canary=' } ]", "password_env must be the name of an environment variable", true},
		"password of nowhere":      {good + "sasl: [ { mechanism: PLAIN, username: a, password_file: /nowhere } ]", "/nowhere", false},
		"no password":              {good + "sasl: [ { mechanism: PLAIN, username: a } ]", "password", true},
		"port":                     {"seed_brokers: [ 'a:65535', 'b:65536' ]\ntopics: [ t ]\nconsumer_group: g", "seed_brokers has a port above 65535", true},
		"ports":                    {"seed_brokers: [ 'a:99999,b:1' ]\ntopics: [ t ]\nconsumer_group: g", "seed_brokers has a port above 65535", true},
		"largest port":             {"seed_brokers: [ 'a:65535,b:9092' ]\ntopics: [ t ]\nconsumer_group: g", "", true},
		"empty password":           {good + "sasl: [ { mechanism: SCRAM-SHA-256, username: a, password: '' } ]", "password", true},
		"no username":              {good + "sasl: [ { mechanism: SCRAM-SHA-512, password: canary } ]", "username", true},
		"good":                     {good, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			lints, err := service.GlobalEnvironment().NewComponentConfigLinter().LintInputYAML([]byte("kafka_batches:\n  " + strings.ReplaceAll(test.yaml, "\n", "\n  ")))
			if err != nil {
				t.Fatal(err)
			}
			said := fmt.Sprint(lints)
			if test.lint && ((len(lints) > 0) != (test.want != "") || !strings.Contains(said, test.want)) {
				t.Errorf("lint says %v, want something about %q", lints, test.want)
			}
			if strings.Contains(said, "canary") {
				t.Errorf("lint shows the password: %v", lints)
			}
			parsed, err := spec().ParseYAML(test.yaml, nil)
			if err == nil {
				_, err = newInput(parsed, service.MockResources())
			}
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one about %q", err, test.want)
			}
		})
	}
}

func TestListsOfLists(t *testing.T) {
	parsed, err := spec().ParseYAML("seed_brokers: [ 'a:1, b:2', c:3 ]\ntopics: [ 'x,y', y ]\nconsumer_group: g\nidentity: source", nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := configFrom(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(conf.Seeds, " "); got != "a:1 b:2 c:3" {
		t.Errorf("the brokers are %s", got)
	}
	if got := strings.Join(conf.topics, " "); got != "x y" {
		t.Errorf("the topics are %s", got)
	}
}
