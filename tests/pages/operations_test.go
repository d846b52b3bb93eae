package pages_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const operations = "docs/operations.md"

// kafkaTools are the classes of Kafka's scripts.
var kafkaTools = map[string]string{"kafka-topics": "org.apache.kafka.tools.TopicCommand"}

// If this fails, a command of the page fails, or a change that the page describes loses
// or doubles tweets.
func TestOperations(t *testing.T) {
	t.Parallel() // it waits for servers most of the time
	for _, program := range []string{"curl", "jq"} {
		if _, err := process.Look(program, "the commands of "+operations, program); err != nil {
			testenv.SkipIfMissing(t, err)
			t.Fatal(err)
		}
	}
	kafka := testenv.OwnKafka(t, kafkad.Options{})
	operator := newOperator(t, kafka.Brokers)
	all, commands := blocks(t, operations), 0
	for i, b := range all {
		if b.language != "sh" {
			continue
		}
		printed := ""
		if i+1 < len(all) && all[i+1].language == "text" {
			printed = all[i+1].text
		}
		for line := range strings.Lines(b.text) {
			commands++
			operator.before(t, line)
			switch name, _, _ := strings.Cut(line, " "); {
			case kafkaTools[name] != "":
				arguments := strings.Fields(operator.addresses.Replace(line))[1:]
				if out, err := kafkad.Tool(t.Context(), kafkaTools[name], arguments...); err != nil {
					t.Fatalf("%s: %v\n%s", line, err, out)
				}
			case strings.Contains(line, " brandpulse-connect run ") && !strings.Contains(line, "config/generate.yaml"):
				operator.keep(t, line, "")
			default:
				operator.run(t, line, printed)
			}
			operator.after(t, line, &kafka.Cluster)
		}
	}
	if commands < 12 {
		t.Errorf("%d commands on the page", commands)
	}
}

// operator is a user with the pipelines of this repository.
type operator struct {
	*user
	instances []string // addresses, in the order of the page
	generator string
	group     string // what sets the group and the bucket that are counted now
}

func newOperator(t *testing.T, brokers []string) *operator {
	t.Helper()
	u := newUser(t, brokers...)
	if err := os.CopyFS(filepath.Join(u.dir, "config"), os.DirFS(filepath.Join(testenv.Root(t), "config"))); err != nil {
		t.Fatal(err)
	}
	if !testenv.Full() {
		u.findPartitionsSoon(t)
	}
	u.env = append(u.env, "INFLUXDB_CREATE_BUCKET=true")
	ports, err := process.FreePorts(5)
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{user: u, generator: fmt.Sprintf("127.0.0.1:%d", ports[4])}
	replaced := []string{
		"127.0.0.1:9092", brokers[0], "http://archive.example.com:8086", "http://127.0.0.1:9",
		"RATE=50000 ", "RATE=50000 HTTP_ADDRESS=" + o.generator + " ",
	}
	if !testenv.Full() {
		replaced = append(replaced, "DURATION=20s", "DURATION=1s")
	}
	for i, port := range []string{"4195", "4205", "4215", "4225"} {
		o.instances = append(o.instances, fmt.Sprintf("127.0.0.1:%d", ports[i]))
		replaced = append(replaced, "127.0.0.1:"+port, o.instances[i])
	}
	u.addresses = strings.NewReplacer(replaced...)
	return o
}

// findPartitionsSoon spares most of the minute that an instance may take to find new
// partitions.
func (u *user) findPartitionsSoon(t *testing.T) {
	t.Helper()
	file := filepath.Join(u.dir, "config/exact.yaml")
	exact, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const before = "    topics: [ \"${TOPIC:tweets}\" ]\n"
	sooner := strings.Replace(string(exact), before, before+"    metadata_max_age: 1s\n", 1)
	if sooner == string(exact) {
		t.Fatalf("config/exact.yaml has no line %q", before)
	}
	if err := os.WriteFile(file, []byte(sooner), 0o600); err != nil {
		t.Fatal(err)
	}
}

// before does what the page says in words before a command.
func (o *operator) before(t *testing.T, command string) {
	if strings.Contains(command, "--delete") {
		o.stop(t)
	}
}

// after checks what the page says about a command.
func (o *operator) after(t *testing.T, command string, kafka *testenv.Cluster) {
	t.Helper()
	switch {
	case strings.Contains(command, "INSTANCE_ID=exact-2"):
		o.partitions(t, 8, o.instances[0], o.instances[1])
		o.generate(t)
	case strings.HasPrefix(command, "curl "):
		for _, name := range []string{"kafka_batches_batches{", "kafka_batches_in_flight_bytes{", "kafka_batches_lag_seconds{"} {
			o.run(t, command, name)
		}
	case strings.Contains(command, "--alter"):
		o.partitions(t, 16, o.instances[0], o.instances[1])
		o.generate(t)
		o.audit(t)
	case strings.HasPrefix(command, "CONSUMER_GROUP=brandpulse-exact-2") && strings.Contains(command, " run "):
		o.group = "CONSUMER_GROUP=brandpulse-exact-2 INFLUXDB_BUCKET=brandpulse_2 "
		o.generate(t)
	case strings.Contains(command, "archive.example.com"):
		o.generate(t)
		o.audit(t)
		testenv.Eventually(t, 30*time.Second, "the archive lags", func() error {
			return o.serves("http://"+o.instances[2]+"/metrics", regexp.MustCompile(`(?m)^kafka_batches_lag{.*} [1-9]`))
		})
	case strings.Contains(command, "LOG_FORMAT=json"):
		o.partitions(t, 16, o.instances[0], o.instances[3])
		var broken []*kgo.Record
		for i := range 200 {
			broken = append(broken, &kgo.Record{Topic: "tweets", Key: fmt.Appendf(nil, "key %d", i), Value: []byte("not a tweet")})
		}
		kafka.Produce(t, broken...)
	case strings.HasPrefix(command, "jq "):
		o.run(t, command, " undecodable")
		o.collected(t, "exact-3.log")
	case strings.HasPrefix(command, "brandpulse-connect dlq list"):
		o.run(t, command, "200 letters in all")
	case strings.HasPrefix(command, "brandpulse-connect dlq show"):
		o.run(t, command, "key ")
	}
}

var attribute = regexp.MustCompile(`attributes\.(\w+)`)

// collected checks that the collector's configuration reads fields that a log has, and
// its times and levels.
func (o *operator) collected(t *testing.T, log string) {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(testenv.Root(t), "observability/collector/logs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.dir, log))
	if err != nil {
		t.Fatal(err)
	}
	names := attribute.FindAllSubmatch(config, -1)
	if len(names) < 3 || !strings.Contains(string(config), `"`+time.RFC3339+`"`) {
		t.Errorf("the collector reads the fields %q and another form of time", names)
	}
	levels, lines := map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			continue
		}
		lines++
		for _, name := range names {
			if _, ok := fields[string(name[1])].(string); !ok {
				t.Errorf("the line has no %s: %s", name[1], line)
			}
		}
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(fields["time"])); err != nil {
			t.Error(err)
		}
		levels[fmt.Sprint(fields["level"])] = true
	}
	if !levels["warning"] || lines < 2 {
		t.Errorf("%d lines of JSON, with the levels %v", lines, levels)
	}
}

func (o *operator) generate(t *testing.T) {
	t.Helper()
	o.run(t, "COUNT=20000 RATE=20000 HTTP_ADDRESS="+o.generator+" brandpulse-connect run config/generate.yaml", "")
}

// audit compares all of the topic, also what is not committed yet.
func (o *operator) audit(t *testing.T) {
	t.Helper()
	o.run(t, o.group+"brandpulse-connect audit --to-end config/exact.yaml", "equal")
}

var lagOf = regexp.MustCompile(`(?m)^kafka_batches_lag{.*partition="(\d+)"`)

// partitions waits until each of several processes reads some of a number of
// partitions. A process keeps the series of those that it has given away.
func (o *operator) partitions(t *testing.T, want int, addresses ...string) {
	t.Helper()
	testenv.Eventually(t, 90*time.Second, fmt.Sprintf("%d partitions are shared", want), func() error {
		all := map[string]bool{}
		for _, address := range addresses {
			body, err := metricsOf(address)
			if err != nil {
				return err
			}
			own := lagOf.FindAllSubmatch(body, -1)
			if len(own) == 0 {
				return errors.New("an instance has none")
			}
			for _, series := range own {
				all[string(series[1])] = true
			}
		}
		if len(all) != want {
			return fmt.Errorf("%d", len(all))
		}
		return nil
	})
}

func metricsOf(address string) ([]byte, error) {
	response, err := http.Get("http://" + address + "/metrics") //nolint:noctx // of a server of this test
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// stop ends what runs in other terminals by Ctrl-C.
func (o *operator) stop(t *testing.T) {
	t.Helper()
	for _, c := range o.running {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	o.running = nil
}
