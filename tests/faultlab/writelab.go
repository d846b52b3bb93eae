package faultlab

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// WriteLab runs one scenario of two processes that write to Kafka by the output
// kafka_batches: one records, the other whole record batches. It must not be used by
// several goroutines at once.
type WriteLab struct {
	testing.TB
	WriteOptions
	Seed   uint64
	Random *rand.Rand // seeded: determines the schedule

	Broker    *Broker
	Kafka     *Link // from the processes to the broker; nil with several
	Pipelines []*WritePipeline
	Disk      *Disk // nil unless SmallDisk

	address string
	began   time.Time
	stop    chan struct{}
	sending sync.WaitGroup
	usage   usage
}

// WriteOptions are the settings of a laboratory. The zero value is the usual one.
type WriteOptions struct {
	Set        []string          // values of the configurations, as path=value
	Brokers    int               // a cluster, if more than 1
	Broker     map[string]string // properties of the brokers
	Partitions int32             // of each topic; 6 if 0
	Senders    int               // of each process; 4 if 0
	Least      int64             // records that each process writes at least; 5,000 if 0
	Recovery   time.Duration     // until all is acknowledged after the last fault; 40 s if 0
	SmallDisk  bool              // the broker's data is on a disk that can be full
}

const (
	writeMemory      = 200 << 20
	writeDescriptors = 100
)

func newWriteLab(t testing.TB, seed uint64, o WriteOptions) *WriteLab {
	t.Helper()
	if o.Partitions == 0 {
		o.Partitions = 6
	}
	if o.Senders == 0 {
		o.Senders = 4
	}
	if o.Least == 0 {
		o.Least = 5000
	}
	if o.Recovery == 0 {
		o.Recovery = 40 * time.Second
	}
	l := &WriteLab{
		TB: t, WriteOptions: o, Seed: seed, Random: rand.New(rand.NewPCG(seed, 2)),
		began: time.Now(), stop: make(chan struct{}),
	}
	testenv.Binary(t)
	properties := maps.Clone(o.Broker)
	if o.SmallDisk {
		l.Disk = newDisk(t)
		properties = map[string]string{"log.dirs": filepath.Join(l.Disk.Dir, "kafka")}
		maps.Copy(properties, o.Broker)
	}
	if o.Brokers > 1 {
		l.Broker = StartCluster(t, o.Brokers, properties)
		l.address = strings.Join(l.Broker.Cluster.Brokers, ",")
	} else {
		l.Broker = StartBroker(t, properties)
		l.Kafka = l.Broker.link(t)
		l.address = l.Kafka.Address
	}
	l.usage.watch(t)
	t.Cleanup(l.sending.Wait) // the context of the test has ended
	for _, whole := range []bool{false, true} {
		p := &WritePipeline{lab: l, Topic: l.Broker.Topic(t, o.Partitions), form: form{seed, o.Partitions, whole}}
		settings := o.Set
		if !whole {
			settings = append(settings[:len(settings):len(settings)], "output.kafka_batches.compression="+compression.Names[l.Random.IntN(len(compression.Names))])
		}
		l.Pipelines = append(l.Pipelines, p)
		p.start(settings)
	}
	l.Progress(100)
	return l
}

// Event logs what has just happened.
func (l *WriteLab) Event(format string, args ...any) {
	l.Helper()
	l.Logf("%5.1f s: %s; %d records and %d in record batches are acknowledged",
		time.Since(l.began).Seconds(), fmt.Sprintf(format, args...), l.Pipelines[0].Acknowledged(), l.Pipelines[1].Acknowledged())
}

// Wait waits for some time.
func (l *WriteLab) Wait(d time.Duration) {
	l.Helper()
	select {
	case <-time.After(d):
	case <-l.Context().Done():
	}
}

// Between draws a duration.
func (l *WriteLab) Between(least, most time.Duration) time.Duration {
	return least + time.Duration(l.Random.Int64N(int64(most-least)))
}

// Progress waits until each process has had this many more records acknowledged.
func (l *WriteLab) Progress(records int64) {
	l.Helper()
	for _, p := range l.Pipelines {
		before := p.Acknowledged()
		l.eventually(p.String()+" writes", func() error {
			if now := p.Acknowledged(); now < before+records {
				return fmt.Errorf("%d records are acknowledged, %d were before", now, before)
			}
			return nil
		})
	}
}

// eventually waits until ask returns no error. If that takes too long, it also checks the
// law, which may be why.
func (l *WriteLab) eventually(what string, ask func() error) {
	l.Helper()
	for deadline := time.Now().Add(l.Recovery); ; l.Wait(100 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			for _, p := range l.Pipelines {
				p.mustHold()
			}
			l.Fatalf("%s: not within %s: %v", what, l.Recovery, err)
		}
	}
}

// Errors returns how many errors the running processes have retried.
func (l *WriteLab) Errors() (errors float64) {
	l.Helper()
	for _, p := range l.Pipelines {
		errors += p.Errors()
	}
	return errors
}

// Forget means that records acknowledged so far may be missing: their topics are deleted.
// Those in flight may be in either topic.
func (l *WriteLab) Forget() {
	for _, p := range l.Pipelines {
		for _, s := range p.senders {
			s.mu.Lock()
			s.account.lost = s.account.sent
			s.mu.Unlock()
		}
	}
}

// Verify lets the senders end and compares what is stored with what they have sent.
func (l *WriteLab) Verify() {
	l.Helper()
	for _, p := range l.Pipelines {
		l.eventually(p.String()+" has written enough", func() error {
			if now := p.Acknowledged(); now < l.Least {
				return fmt.Errorf("%d records are acknowledged, fewer than %d", now, l.Least)
			}
			return nil
		})
	}
	close(l.stop)
	ended := make(chan struct{})
	go func() { l.sending.Wait(); close(ended) }()
	select {
	case <-ended:
		l.Event("all senders have ended")
	case <-time.After(l.Recovery):
		l.Errorf("after %s some records are not acknowledged", l.Recovery)
	}
	for _, p := range l.Pipelines {
		p.mustHold()
		if !p.Running() {
			l.Errorf("%s has ended", p)
			continue
		}
		p.Stop()
	}
	l.usage.mustBeBounded(l, writeMemory, writeDescriptors)
}

// mustHold fails the test if what is stored breaks the law.
func (p *WritePipeline) mustHold() {
	l := p.lab
	l.Helper()
	law := newWrittenLaw(p.form, p.accounts())
	ctx, cancel := context.WithTimeout(l.Context(), time.Minute)
	defer cancel()
	client := l.Broker.Client(l, kgo.ConsumeTopics(p.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, p.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		l.Fatalf("reading the ends of %s: %v", p.Topic, err)
	}
	open := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			open[end.Partition] = end.Offset
		}
	})
	wrong := 0
	for len(open) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			l.Fatalf("reading %s: %v", p.Topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if err := law.read(r); err != nil {
				if wrong++; wrong <= 5 {
					l.Errorf("%s: %v", p, err)
				}
			}
			if r.Offset+1 >= open[r.Partition] {
				delete(open, r.Partition)
			}
		})
	}
	if err := law.missing(); err != nil {
		l.Errorf("%s: %v", p, err)
	}
	p.mustBeSound()
	l.Logf("%s: %d records are stored, %d were acknowledged; %d are stored more than once, %d are wrong", p, law.records, p.Acknowledged(), law.twice(), wrong)
}

// mustBeSound fails the test if Kafka found fault with what it was sent: nothing that was
// sent is a reason. A connection that breaks is none either, since a request arrives whole
// or not at all.
func (p *WritePipeline) mustBeSound() {
	l := p.lab
	l.Helper()
	if !p.Running() {
		return
	}
	corrupt := p.Errors("CORRUPT_MESSAGE")
	if refused := p.metrics().Sum("kafka_batches_output_rejected"); corrupt+refused > 0 {
		l.Errorf("%s: %.0f batches reached Kafka damaged, and %.0f messages were refused", p, corrupt, refused)
	}
}
