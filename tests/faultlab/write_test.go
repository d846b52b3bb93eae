package faultlab_test

import (
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// writeFaults are the faults of a pipeline that writes to Kafka.
var writeFaults = []faultlab.WriteScenario{
	{
		Name: "P01", Does: "the broker is killed, paused and started again", Everyday: true,
		Run: killWrittenBroker,
	},
	{
		Name: "P02", Does: "connections to the broker break in the middle of requests and responses", Everyday: true,
		Run: breakRequests,
	},
	{
		Name: "P03", Does: "of three brokers leaders are killed and paused, two are killed, all are killed", Everyday: true,
		Options: faultlab.WriteOptions{Brokers: 3, Recovery: 90 * time.Second},
		Run:     killWrittenBrokers,
	},
	{
		Name: "P04", Does: "partitions move to other brokers, and their leaders",
		Options: faultlab.WriteOptions{Brokers: 3, Recovery: time.Minute},
		Run:     moveLeaders,
	},
	{
		Name: "P05", Does: "the disk of the broker is full, then freed",
		Options: faultlab.WriteOptions{SmallDisk: true, Recovery: time.Minute},
		Run:     fillWrittenBroker,
	},
	{
		Name: "P06", Does: "the topics are deleted and created again",
		Run: recreateWrittenTopics,
	},
	{
		Name: "P07", Does: "the pipelines are killed and stopped",
		Run: killWriters,
	},
	{
		Name: "P08", Does: "the topics accept only smaller batches, while connections break",
		Run: divideBatches,
	},
}

// must ends the test on an error.
func must(l *faultlab.WriteLab, err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// mustRetry fails the test if do makes no request fail: it has shown nothing.
func mustRetry(l *faultlab.WriteLab, do func()) {
	l.Helper()
	before := l.Errors()
	do()
	if errors := l.Errors(); errors == before {
		l.Error("no request has failed")
	} else {
		l.Event("%.0f errors were retried", errors-before)
	}
}

func killWrittenBroker(l *faultlab.WriteLab) {
	for round := range long(1, 6) {
		mustRetry(l, func() {
			must(l, l.Broker.Kill())
			l.Event("the broker is killed")
			l.Wait(l.Between(0, 2*time.Second))
			must(l, l.Broker.Restart(l.Context()))
			l.Event("the broker is back")
			l.Progress(1000)
		})
		// The first pause is shorter than a request may take, others are longer.
		least := 3 * time.Second
		if round > 0 {
			least = 13 * time.Second
		}
		must(l, l.Broker.Pause())
		l.Event("the broker is paused")
		l.Wait(l.Between(least, least+2*time.Second))
		must(l, l.Broker.Resume())
		l.Event("the broker is resumed")
		l.Progress(1000)
		l.Wait(l.Between(0, time.Second))
	}
}

// breakRequests lets connections end after a number of bytes, again and again.
func breakRequests(l *faultlab.WriteLab) {
	for range long(8, 40) {
		toServer := l.Random.IntN(3) > 0
		switch l.Random.IntN(6) {
		case 0:
			l.Kafka.Poison(l, "reset_peer", toServer, faultlab.Attributes{"timeout": l.Random.IntN(100)})
		case 1:
			l.Kafka.Poison(l, "timeout", toServer, faultlab.Attributes{"timeout": l.Random.IntN(300)})
		case 2:
			l.Kafka.Cut()
			l.Wait(l.Between(0, time.Second))
			l.Kafka.Mend(l)
		default:
			bytes := 2000 + l.Random.IntN(60_000)
			if !toServer {
				bytes = 200 + l.Random.IntN(2000)
			}
			l.Kafka.Poison(l, "limit_data", toServer, faultlab.Attributes{"bytes": bytes})
			l.Kafka.Poison(l, "slicer", toServer, faultlab.Attributes{"average_size": 1000, "size_variation": 500, "delay": 100})
		}
		l.Wait(l.Between(200*time.Millisecond, 1200*time.Millisecond))
		l.Kafka.Heal(l)
		l.Progress(200)
	}
	if errors := l.Errors(); errors < 10 {
		l.Errorf("only %.0f requests have failed", errors)
	} else {
		l.Event("%.0f errors were retried", errors)
	}
}

func killWrittenBrokers(l *faultlab.WriteLab) {
	servers := l.Broker.Servers
	for range long(1, 3) {
		for _, pause := range []bool{false, true} {
			leader := l.Leader(l.Random)
			begin, end, does := leader.Kill, func() error { return leader.Restart(l.Context()) }, "killed"
			if pause {
				begin, end, does = leader.Pause, leader.Resume, "paused"
			}
			mustRetry(l, func() {
				must(l, begin())
				l.Event("a leader is %s", does)
				l.Wait(l.Between(4*time.Second, 8*time.Second))
				if !pause { // what a paused broker was asked before waits for it
					l.Progress(500) // the others lead
				}
				must(l, end())
				l.Event("the broker is back")
				l.Progress(500)
			})
			l.InSync()
		}
		for _, count := range []int{3, 2}[:long(1, 2)] {
			which := l.Random.Perm(len(servers))[:count]
			for _, i := range which {
				must(l, servers[i].Kill())
			}
			l.Event("%d brokers are killed", count)
			l.Wait(l.Between(time.Second, 4*time.Second))
			l.RestartAll(which)
			l.Event("all brokers are back")
			l.InSync()
			l.Progress(500)
		}
	}
}

// moveLeaders gives partitions other replicas and other leaders while they are written.
func moveLeaders(l *faultlab.WriteLab) {
	mustRetry(l, func() {
		for range long(6, 20) {
			l.MovePartitions()
			l.Event("partitions have other replicas, and other leaders")
			l.Progress(500)
		}
	})
}

func fillWrittenBroker(l *faultlab.WriteLab) {
	for range long(1, 3) {
		mustRetry(l, func() {
			l.Disk.Fill(l)
			l.Event("the disk is full")
			l.Wait(l.Between(4*time.Second, 8*time.Second))
			l.Event("the disk is freed")
			l.Disk.Free(l)
			must(l, l.Broker.Restart(l.Context()))
			l.Event("the broker is back")
			l.Progress(1000)
		})
	}
}

func recreateWrittenTopics(l *faultlab.WriteLab) {
	admin := kadm.NewClient(l.Broker.Client(l))
	for range long(1, 3) {
		mustRetry(l, func() {
			for _, topic := range l.Topics() {
				_, err := admin.DeleteTopic(l.Context(), topic)
				must(l, err)
			}
			l.Event("the topics are deleted")
			l.Wait(l.Between(0, 4*time.Second))
			for _, topic := range l.Topics() {
				testenv.Eventually(l, 20*time.Second, "the topic is created again", func() error {
					_, err := admin.CreateTopic(l.Context(), l.Partitions, -1, nil, topic)
					return err
				})
			}
			l.Forget()
			l.Event("the topics are created again")
			l.Progress(1000)
		})
	}
}

// killWriters ends the processes with requests in flight. Senders resend unacknowledged
// records.
func killWriters(l *faultlab.WriteLab) {
	for range long(4, 15) {
		for _, p := range l.Pipelines {
			if l.Random.IntN(3) > 0 {
				p.Kill()
			} else {
				p.Stop()
			}
			l.Wait(l.Between(0, time.Second))
			p.Restart()
		}
		l.Progress(300)
	}
}

// divideBatches has batches sent in parts, each of which can be stored or be in doubt.
func divideBatches(l *faultlab.WriteLab) {
	admin := kadm.NewClient(l.Broker.Client(l))
	limit := func(bytes string) {
		l.Helper()
		answers, err := admin.AlterTopicConfigs(l.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &bytes}}, l.Topics()...)
		must(l, err)
		for _, a := range answers {
			must(l, a.Err)
		}
		l.Event("the topics accept batches of %s bytes", bytes)
	}
	for range long(1, 3) {
		limit("6000") // more than any record has
		l.Progress(500)
		breakRequests(l)
		limit("1000000")
		l.Progress(500)
	}
	for _, p := range l.Pipelines {
		if p.Errors("MESSAGE_TOO_LARGE") == 0 {
			l.Errorf("%s: no batch was too large", p)
		}
	}
}
