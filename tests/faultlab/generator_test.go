package faultlab_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// generatorFaults are the faults of the generator.
var generatorFaults = []faultlab.Scenario{
	{
		Name: "F02", Does: "the generator is killed ten times",
		Versions: []string{testenv.InfluxV1},
		Run:      killGenerator,
	},
}

// killGenerator records each tweet that Kafka has acknowledged to the generator. None
// of them may be missing. The generator starts with the same tweets again, and those
// that Kafka then has twice count twice.
func killGenerator(l *faultlab.Lab) {
	startMembers(l, 2)
	ledger := filepath.Join(l.TempDir(), "ledger")
	generator := testenv.Start(l, testenv.Command{
		Config: withLedger(l, ledger),
		Env: stream.Env{
			"KAFKA_BROKERS": l.Kafka.Address, "TOPIC": l.Stream.Topic, "PROGRESS": "never",
			"RATE": "8000", "BATCH_SIZE": "400", "SEED": strconv.FormatUint(l.Seed+1, 10),
		},
	})
	for i := range 10 {
		if i > 0 {
			generator.Restart(l)
		}
		noted := len(lines(l, ledger))
		stream.Await(l, "tweets are acknowledged", func() bool { return len(lines(l, ledger)) > noted })
		l.Wait(l.Between(500*time.Millisecond, 2*time.Second))
		generator.Kill(l)
		l.Event("the generator is killed; %d of its tweets were acknowledged", len(lines(l, ledger)))
	}
	l.Drain()

	times := map[string]int{}
	_, err := oracle.ReadTopic(l.Context(), l.Broker.Brokers, l.Stream.Topic, func(value []byte) (oracle.Tweet, error) {
		one, err := oracle.Avro(value)
		times[one.ID]++
		return one, err
	})
	if err != nil {
		l.Fatal(err)
	}
	acknowledged := map[string]bool{}
	for _, id := range lines(l, ledger) {
		acknowledged[id] = true
		if times[id] == 0 {
			l.Fatalf("Kafka does not have the tweet %s, which it has acknowledged", id)
		}
	}
	distinct, all := 0, 0
	for id, n := range times {
		if len(id) == len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
			distinct++
			all += n
		}
	}
	l.Logf("Kafka holds %d tweets of the generator, %d of them different; %d were acknowledged", all, distinct, len(acknowledged))
	if len(acknowledged) < 1000 || all == distinct {
		l.Error("too few tweets, or none twice")
	}
}

// withLedger returns generate.yaml with an output that writes the id of each
// acknowledged tweet to a file.
func withLedger(l *faultlab.Lab, ledger string) string {
	l.Helper()
	shipped, err := os.ReadFile(filepath.Join(testenv.Root(l), stream.GenerateConfig))
	if err != nil {
		l.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(shipped), "\noutput:\n")
	kafka, after, ok2 := strings.Cut(rest, "\nmetrics:\n")
	if !ok || !ok2 {
		l.Fatal("generate.yaml has no output before its metrics")
	}
	const ids = `
      - file:
          path: ${LEDGER}
          codec: append
        processors:
          # With the end of the line, so that a crash cannot come in between.
          - mapping: root = content().slice(1, 37).string() + "\n"
`
	text := before + "\noutput:\n  broker:\n    pattern: fan_out_sequential\n    outputs:\n      -\n" +
		strings.ReplaceAll("\n"+kafka, "\n", "\n      ") +
		strings.ReplaceAll(ids, "${LEDGER}", ledger) + "\nmetrics:\n" + after
	path := filepath.Join(l.TempDir(), "generate.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
	return path
}

// lines returns the complete lines of a file, none while it does not exist.
func lines(l *faultlab.Lab, path string) []string {
	l.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		l.Fatal(err)
	}
	whole := strings.Split(string(text), "\n")
	return whole[:len(whole)-1]
}
