package configs_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, spike.yaml does not end after its stages, loses or repeats tweets on the
// way to Kafka, or its ledger is not what an independent reader finds in the topic.
func TestTheLedgerOfASpikeIsWhatKafkaHolds(t *testing.T) {
	t.Parallel()
	kafka := testenv.FakeKafka(t)
	topic := kafka.Topic(t, 8)
	file := filepath.Join(t.TempDir(), "ledger.json")
	begin := time.Now()
	program := testenv.Start(t, testenv.Command{
		Config: "config/spike.yaml",
		Env: map[string]string{
			"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "TOPIC": topic, "PROGRESS": "never",
			"SPEED": "200", "SCALE": "0.5", "SEED": "5", "LEDGER": file,
			"LATE": "0.1", "OUT_OF_ORDER": "0.1", "DUPLICATED": "0.05", "BROKEN": "0.02",
		},
	})
	if code := program.Wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var ledger struct {
		Complete             bool
		Begin, End           time.Time
		Tweets, Acknowledged int64
		Records              int64
		Countable, Flaws     map[string]int64
	}
	if err := json.Unmarshal(text, &ledger); err != nil {
		t.Fatal(err)
	}
	// The area under the stages of the file, by hand.
	const area = (6000*1 + 7000*79 + 14_000*5 + 20_000*135 + 22_500*5 + 25_000*135 + 37_500*1 + 50_000*39 + 28_500*1 + 7000*259 + 16_000*5 + 25_000*155) / 200 * 0.5
	if !ledger.Complete || ledger.Tweets < area || ledger.Tweets > area+1 || ledger.Acknowledged != ledger.Tweets {
		t.Errorf("%d tweets, %d acknowledged, want %.1f: %s", ledger.Tweets, ledger.Acknowledged, area, text)
	}
	if took := ledger.End.Sub(ledger.Begin); took < 4*time.Second || ledger.Begin.Before(begin.Add(-time.Second)) {
		t.Errorf("820 s at 200 times the speed took %s", took)
	}

	held, err := oracle.ReadTopic(t.Context(), kafka.Brokers, topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	if got := held.Counts.BySentiment(); !maps.Equal(got, ledger.Countable) {
		t.Errorf("Kafka holds %v, the ledger has %v", got, ledger.Countable)
	}
	if held.Records != ledger.Records || int64(len(held.Undecodable)) != ledger.Flaws["broken"] {
		t.Errorf("Kafka holds %d records, %d broken: %s", held.Records, len(held.Undecodable), text)
	}
	seen := map[string]bool{}
	var copies, early int64
	for _, r := range readRecords(t, kafka, topic) {
		tweet, err := oracle.Avro(r.Value)
		if err != nil {
			continue
		}
		if seen[tweet.ID] {
			copies++
		}
		seen[tweet.ID] = true
		if r.Timestamp.UnixMilli() > tweet.Millis {
			early++
		}
	}
	if copies != ledger.Flaws["duplicated"] {
		t.Errorf("%d tweets are in Kafka twice: %s", copies, text)
	}
	if early != ledger.Flaws["late"]+ledger.Flaws["out_of_order"] {
		t.Errorf("%d tweets are older than their records: %s", early, text)
	}
}
