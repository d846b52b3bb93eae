package faultlab_test

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/stream/produce"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// logFaults are the faults of the topic's log.
var logFaults = []faultlab.Scenario{
	{
		Name: "F18", Does: "transactions stay open, are committed, rolled back, and left by their producer",
		Versions: []string{testenv.InfluxV1},
		Run:      openTransactions,
	},
	{
		Name: "F19", Does: "retention removes what was not read; the topic is compacted",
		Versions: []string{testenv.InfluxV1},
		Options:  faultlab.Options{Inexact: true, Recovery: time.Minute}, // Kafka holds less than was counted
		Run:      loseRecords,
	},
}

// mustHold compares InfluxDB with a topic, in the middle of a scenario.
func mustHold(l *faultlab.Lab, topic *oracle.Topic) {
	l.Helper()
	l.Reader.MustEqual(l, topic.Counts)
	if err := l.Coverage().Tiles(topic); err != nil {
		l.Fatal(err)
	}
}

// openTransactions keeps transactions open in all partitions. Records after their first
// one may not be counted before the transactions have ended.
func openTransactions(l *faultlab.Lab) {
	startMembers(l, 2)
	l.Wait(2 * time.Second)
	for round, end := range []string{"commit", "roll back", "leave"} {
		client := l.Broker.Client(l, append(produce.ClientOptions(l.Stream.Topic, kgo.ZstdCompression()),
			kgo.TransactionalID(l.Stream.Topic+"-"+end), kgo.TransactionTimeout(15*time.Second))...)
		if err := client.BeginTransaction(); err != nil {
			l.Fatal(err)
		}
		first := map[int32]int64{}
		for range 3 {
			for partition := range l.Partitions {
				records := l.Producers.Records(l.Random, 20+l.Random.IntN(200))
				for _, r := range records {
					r.Partition = partition
				}
				if err := client.ProduceSync(l.Context(), records...).FirstErr(); err != nil {
					l.Fatal(err)
				}
				if _, has := first[partition]; !has {
					first[partition] = records[0].Offset
				}
			}
		}
		sent := l.Producers.Sent()
		l.Wait(10 * time.Second)
		for _, s := range l.Coverage() {
			if s.Last >= first[s.Partition] {
				l.Fatalf("%+v is counted, and a transaction is open from offset %d on", s, first[s.Partition])
			}
		}
		l.Event("a transaction was open for 10 s, in which %d records came after it", l.Producers.Sent()-sent)
		switch end {
		case "commit", "roll back":
			if err := client.EndTransaction(l.Context(), kgo.TransactionEndTry(end == "commit")); err != nil {
				l.Fatal(err)
			}
			client.Close()
		default:
			client.Close() // the broker aborts those that time out
		}
		stream.Await(l, "what came after the transaction is counted", func() bool {
			past := map[int32]bool{}
			for _, s := range l.Coverage() {
				past[s.Partition] = past[s.Partition] || s.Last >= first[s.Partition]
			}
			return len(past) == int(l.Partitions) && !slices.Contains(slices.Collect(maps.Values(past)), false)
		})
		l.Event("round %d has ended: %s", round+1, end)
	}
	aborted := 0.0
	for _, m := range l.Members {
		aborted += m.Metric("kafka_batches_aborted_records")
	}
	l.Logf("%.0f records were rolled back", aborted)
	if aborted == 0 {
		l.Error("no record of a transaction that was rolled back was passed over")
	}
}

// loseRecords lets Kafka remove records that were not read yet. Nothing may be skipped
// until an operator has decided it. Then the topic is compacted, and must not be read.
func loseRecords(l *faultlab.Lab) {
	m := startMembers(l, 1)[0]
	l.Wait(12 * time.Second)
	l.Drain()
	mustHold(l, l.Topic())
	if code := m.Stop(); code != 0 {
		l.Fatalf("%s has ended with exit code %d", m, code)
	}
	send := func(brand string) (first int64) {
		for range 5 {
			var records []*kgo.Record
			for i := range 50 {
				r := l.Tweet(brand, time.Now())
				if brand == "Lost" || i == 0 {
					r.Partition = 0
				}
				records = append(records, r)
			}
			l.Send(records...)
			if first == 0 {
				first = records[0].Offset
			}
		}
		return first
	}
	lost, kept := send("Lost"), send("Kept")
	want := l.Topic().Counts
	for key := range want {
		if key.Brand == "Lost" {
			delete(want, key)
		}
	}
	admin := kadm.NewClient(l.Broker.Client(l))
	var until kadm.Offsets
	until.Add(kadm.Offset{Topic: l.Stream.Topic, At: kept, LeaderEpoch: -1})
	if _, err := admin.DeleteRecords(l.Context(), until); err != nil {
		l.Fatal(err)
	}
	l.Event("offsets %d to %d of partition 0 are removed", lost, kept-1)

	before := l.Coverage().Of(0)
	m.Restart()
	m.AwaitLog("the log begins at offset", "were removed by retention before they were read", "Choose: (1)", "on_lost_records: earliest")
	unread := l.Topic().Offsets[0]
	stream.Await(l, "the other partitions are read", func() bool { return l.Reader.Lag(l) <= int64(len(unread)) })
	l.Wait(3 * time.Second)
	if stopped := m.Metric("kafka_batches_stopped"); stopped != 1 {
		l.Errorf("%.0f partitions say that they are stopped", stopped)
	}
	if after := l.Coverage().Of(0); !slices.Equal(after, before) {
		l.Errorf("partition 0 was read: %d record batches, before there were %d", len(after), len(before))
	}
	if lag := l.Reader.Lag(l); lag == 0 {
		l.Error("the lag is 0, and records were lost")
	}
	if code := m.Stop(); code != 0 {
		l.Errorf("%s has ended with exit code %d", m, code)
	}
	decided := l.StartWith("input.kafka_batches.on_lost_records=earliest")
	l.Reader.Drained(l, l.Recovery)
	l.Reader.MustEqual(l, want)
	if n := int64(decided.Metric("kafka_batches_lost_records")); n < kept-lost {
		l.Errorf("%d records are said to be lost, and %d are", n, kept-lost)
	}
	decided.Stop()

	former := maps.Clone(l.Topic().Counts)
	l.SendBatches(5)
	for key, n := range l.Topic().Counts {
		if n > former[key] {
			want[key] += n - former[key]
		}
	}
	compact := func(policy string) {
		l.Helper()
		_, err := admin.AlterTopicConfigs(l.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: &policy}}, l.Stream.Topic)
		if err != nil {
			l.Fatal(err)
		}
		l.Event("cleanup.policy is %s", policy)
	}
	stored := len(l.Coverage())
	compact("compact")
	last := l.Start()
	last.AwaitLog("cleanup.policy contains compact")
	l.Wait(3 * time.Second)
	if now := len(l.Coverage()); now != stored {
		l.Errorf("%d record batches of a compacted topic were read", now-stored)
	}
	compact("delete")
	l.Reader.Drained(l, l.Recovery)
	l.Reader.MustEqual(l, want)
}
