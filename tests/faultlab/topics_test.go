package faultlab_test

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream/produce"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// topicFaults are the faults of the topic as a whole.
var topicFaults = []faultlab.Scenario{
	{
		Name: "F17", Does: "the topic is deleted, created again and gets the same records",
		Versions: []string{testenv.InfluxV1},
		Options: faultlab.Options{
			Inexact: true, // the oracle follows one topic: both are compared here
			Set: []string{
				"pipeline.processors.0.sentiment_window.identity=source",
				"input.kafka_batches.metadata_max_age=1s",
			},
		},
		Run: createAgain,
	},
}

// createAgain recreates a topic with the same name, and the same records at the same
// offsets. Both must count, but nothing before an operator has decided it.
func createAgain(l *faultlab.Lab) {
	members := startMembers(l, 2)
	l.Wait(15 * time.Second) // for enough samples: there are none of the second topic
	l.Drain()
	first, covered := l.Topic(), l.Coverage()
	mustHold(l, first)
	records := l.Broker.Read(l, l.Stream.Topic, int(first.Records))
	l.Samples.While(func() {
		admin := kadm.NewClient(l.Broker.Client(l))
		if _, err := admin.DeleteTopic(l.Context(), l.Stream.Topic); err != nil {
			l.Fatal(err)
		}
		testenv.Eventually(l, 20*time.Second, "the topic is created again", func() error {
			_, err := admin.CreateTopic(l.Context(), l.Partitions, 1, nil, l.Stream.Topic)
			return err
		})
		l.Event("the topic is created again")
		for _, m := range members {
			m.AwaitLog("was deleted and created again")
		}
		writeAgain(l, records, covered)
		l.Wait(5 * time.Second)
		stopped := 0.0
		for _, m := range members {
			stopped += m.Metric("kafka_batches_stopped")
		}
		if stopped != float64(l.Partitions) {
			l.Errorf("%.0f partitions say that they are stopped", stopped)
		}
		l.Reader.MustEqual(l, first.Counts)
		for _, m := range members {
			if code := m.Stop(); code != 0 {
				l.Errorf("%s has ended with exit code %d", m, code)
			}
		}
		l.Reader.SetOffsets(l, "the beginning", beginning(l))
		for _, m := range members {
			m.Restart()
		}
		l.Reader.Drained(l, l.Recovery)

		second := l.Topic()
		sums := oracle.Counts{}
		for _, topic := range []*oracle.Topic{first, second} {
			for key, n := range topic.Counts {
				sums[key] += n
			}
		}
		l.Reader.MustEqual(l, sums)
		former := sourceOf(covered[0])
		var parts [2]oracle.Coverage
		for _, s := range l.Coverage() {
			i := 1
			if sourceOf(s) == former {
				i = 0
			}
			parts[i] = append(parts[i], s)
		}
		for i, topic := range []*oracle.Topic{first, second} {
			if err := parts[i].Tiles(topic); err != nil {
				l.Errorf("topic %d: %v", i+1, err)
			}
		}
		twins := 0
		for _, s := range parts[1] {
			s.Source = strings.Replace(s.Source, sourceOf(s), former, 1)
			if slices.Contains(parts[0], s) {
				twins++
			}
		}
		l.Event("%d record batches of %d are at the same offsets as in the former topic", twins, len(parts[1]))
		if twins < 50 {
			l.Error("too few to show anything")
		}
	})
}

// sourceOf returns the part of the tag src that names the topic.
func sourceOf(s oracle.Span) string { return s.Source[:strings.LastIndexByte(s.Source, '-')] }

// writeAgain writes the records in their record batches, at the same offsets. Where
// there were only aborted records, other tweets are written.
func writeAgain(l *faultlab.Lab, records []*kgo.Record, covered oracle.Coverage) {
	l.Helper()
	at := map[int32]map[int64]*kgo.Record{}
	for _, r := range records {
		if at[r.Partition] == nil {
			at[r.Partition] = map[int64]*kgo.Record{}
		}
		at[r.Partition][r.Offset] = r
	}
	batches := map[int32][][]*kgo.Record{}
	next := map[int32]int64{}
	for _, s := range covered {
		var filler, batch []*kgo.Record
		for range s.Base - next[s.Partition] {
			r := l.Tweet("Filler", time.Now())
			r.Partition = s.Partition
			filler = append(filler, r)
		}
		for offset := s.Base; offset <= s.Last; offset++ {
			batch = append(batch, &kgo.Record{Partition: s.Partition, Value: at[s.Partition][offset].Value})
		}
		next[s.Partition] = s.Last + 1
		if filler != nil {
			batches[s.Partition] = append(batches[s.Partition], filler)
		}
		batches[s.Partition] = append(batches[s.Partition], batch)
	}
	client := l.Broker.Client(l, produce.ClientOptions(l.Stream.Topic, kgo.SnappyCompression())...)
	defer client.Close()
	for len(batches) > 0 {
		var round []*kgo.Record
		for partition, left := range batches {
			round = append(round, left[0]...)
			if batches[partition] = left[1:]; len(left) == 1 {
				delete(batches, partition)
			}
		}
		if err := produce.Send(l.Context(), client, round, false, false); err != nil {
			l.Fatal(err)
		}
	}
	l.Event("the same records are written again")
}
