package faultlab

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/stream/sample"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Drain ends the producers and waits until everything is acknowledged. Verify calls it,
// if the scenario has not.
func (l *Lab) Drain() {
	l.Helper()
	if l.drained {
		return
	}
	l.drained = true
	l.Producers.Finish()
	if l.Inexact {
		l.Producers.Seal()
	}
	began := time.Now()
	l.Reader.Drained(l, l.Recovery)
	l.Event("drained, %.1f s after the last record", time.Since(began).Seconds())
	// A slow machine takes few samples. More tweets would make them slower.
	stream.Await(l, "there are enough samples", func() bool {
		l.Samples.MustBeRight(l)
		return l.Samples.Taken() >= sample.Least
	})
}

// AwaitSample waits for a comparison of the current contents of InfluxDB and Kafka.
func (l *Lab) AwaitSample() {
	l.Helper()
	before := l.Samples.Taken()
	stream.Await(l, "a sample is taken", func() bool {
		l.Samples.MustBeRight(l)
		return l.Samples.Taken() >= before+2 // one may have been in progress
	})
}

// Verify compares InfluxDB with Kafka once everything is acknowledged and all processes
// have ended, and logs the resource use of the run.
func (l *Lab) Verify() {
	l.Helper()
	l.Drain()
	l.Samples.End(l)
	ends := 0
	for _, m := range l.Members {
		if !m.Running() {
			continue
		}
		ends++
		// A process that was just restarted does not handle signals yet.
		testenv.Eventually(l, time.Minute, m.String()+" is connected", func() error {
			metrics, err := m.Metrics(l.Context())
			if err == nil && metrics.Sum("input_connection_up") == 0 {
				err = errors.New("its input is not")
			}
			return err
		})
		if code := m.Stop(); code != 0 {
			l.Errorf("%s has ended with exit code %d", m, code)
		}
	}
	if ends == 0 {
		l.Error("no process was left to drain the topic")
	}
	l.usage.mustBeBounded(l, l.Memory, l.Descriptors)
	if l.Inexact {
		return
	}
	topic := l.Topic()
	l.mustBeExact(topic)
	l.Audit()
	l.Logf("%d records, %d samples, %.1f s", topic.Records, l.Samples.Taken(), time.Since(l.began).Seconds())
}

// Topic returns the content of Kafka.
func (l *Lab) Topic() *oracle.Topic {
	l.Helper()
	topic, err := oracle.ReadTopic(l.Context(), l.Broker.Brokers, l.Stream.Topic, l.form())
	if err != nil {
		l.Fatal(err)
	}
	return topic
}

// Coverage returns the coverage points in InfluxDB.
func (l *Lab) Coverage() oracle.Coverage {
	l.Helper()
	coverage, err := oracle.ReadCoverage(l.Context(), l.Bucket)
	if err != nil {
		l.Fatal(err)
	}
	return coverage
}

// InsideBatches returns an offset inside a record batch for each partition, below the
// committed offset.
func (l *Lab) InsideBatches() map[int32]int64 {
	l.Helper()
	client := l.Broker.Client(l)
	defer client.Close()
	return l.Coverage().Inside(l.Reader.Committed(l.Context(), kadm.NewClient(client)))
}

func (l *Lab) mustBeExact(topic *oracle.Topic) {
	l.Helper()
	coverage := l.Coverage()
	letters, err := oracle.ReadLetters(l.Context(), l.Broker.Brokers, l.Stream.Dead)
	if err != nil {
		l.Fatal(err)
	}
	if l.Rejected {
		letters = l.mustEqualWithRejected(topic, letters, coverage)
	} else {
		l.Reader.MustEqual(l, topic.Counts)
	}
	if err := coverage.Tiles(topic); err != nil {
		l.Error(err)
	}
	repeated, err := oracle.LettersOf(letters, l.Stream.Topic, topic)
	if err != nil {
		l.Error(err)
	}
	if len(topic.Undecodable) == 0 {
		l.Error("no record was undecodable")
	}
	l.Logf("%d undecodable records, %d of their letters repeated", len(topic.Undecodable), repeated)
}

// mustEqualWithRejected compares Kafka with InfluxDB including the points that it
// rejected. It returns the other letters.
func (l *Lab) mustEqualWithRejected(topic *oracle.Topic, letters []oracle.Letter, coverage oracle.Coverage) []oracle.Letter {
	l.Helper()
	others, sums, err := oracle.Rejected(letters, coverage)
	if err != nil {
		l.Fatal(err)
	}
	if len(sums) == 0 {
		l.Error("no point was rejected")
	}
	l.Logf("%d tweets are in points that InfluxDB rejected", sums.Total())
	stored, err := oracle.ReadInflux(l.Context(), l.Bucket)
	if err != nil {
		l.Fatal(err)
	}
	for key, n := range stored {
		sums[key] += n
	}
	if err := oracle.Equal(sums, topic.Counts); err != nil {
		l.Fatalf("InfluxDB, with its rejected points, does not hold what Kafka holds: %v", err)
	}
	return others
}
