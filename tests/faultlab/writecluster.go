package faultlab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Leader returns the broker that leads a random partition.
func (l *WriteLab) Leader(random *rand.Rand) *kafkad.Server {
	l.Helper()
	p := l.Pipelines[random.IntN(len(l.Pipelines))]
	partition := random.Int32N(l.Partitions)
	var leader int32
	l.await("a partition has a leader", func(topics kadm.TopicDetails) error {
		if leader = topics[p.Topic].Partitions[partition].Leader; leader < 1 {
			return fmt.Errorf("the leader of partition %d of %s is %d", partition, p.Topic, leader)
		}
		return nil
	})
	return l.Broker.Servers[leader-1]
}

// InSync waits until each partition has all its replicas.
func (l *WriteLab) InSync() {
	l.Helper()
	l.await("all replicas are in sync", func(topics kadm.TopicDetails) error {
		for _, t := range topics {
			for _, p := range t.Partitions {
				if p.Leader < 0 || len(p.ISR) != len(p.Replicas) {
					return fmt.Errorf("partition %d of %s: leader %d, in sync %v of %v", p.Partition, t.Topic, p.Leader, p.ISR, p.Replicas)
				}
			}
		}
		return nil
	})
}

func (l *WriteLab) await(what string, of func(kadm.TopicDetails) error) {
	l.Helper()
	client := l.Broker.Client(l)
	defer client.Close()
	admin := kadm.NewClient(client)
	testenv.Eventually(l, time.Minute, what, func() error {
		// Not ListTopics, which may respond from the client's memory.
		metadata, err := admin.Metadata(l.Context(), l.Topics()...)
		if err == nil {
			err = metadata.Topics.Error()
		}
		if err != nil {
			return err
		}
		return of(metadata.Topics)
	})
}

// Topics returns the topic of each process.
func (l *WriteLab) Topics() (topics []string) {
	for _, p := range l.Pipelines {
		topics = append(topics, p.Topic)
	}
	return topics
}

// RestartAll starts brokers at once: without the majority none of them responds.
func (l *WriteLab) RestartAll(which []int) {
	l.Helper()
	errs := make([]error, len(which))
	var wait sync.WaitGroup
	for i, n := range which {
		wait.Go(func() { errs[i] = l.Broker.Servers[n].Restart(l.Context()) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		l.Fatal(err)
	}
}

// MovePartitions gives each partition two replicas in a random order, of which the first
// becomes the leader, and waits until that is done.
func (l *WriteLab) MovePartitions() {
	l.Helper()
	client := l.Broker.Client(l)
	defer client.Close()
	admin := kadm.NewClient(client)
	var moves kadm.AlterPartitionAssignmentsReq
	var elect kadm.TopicsSet
	wanted := map[string]map[int32]int32{}
	for _, topic := range l.Topics() {
		wanted[topic] = map[int32]int32{}
		for partition := range l.Partitions {
			replicas := l.Random.Perm(len(l.Broker.Servers))[:2]
			moves.Assign(topic, partition, []int32{int32(replicas[0] + 1), int32(replicas[1] + 1)})
			elect.Add(topic, partition)
			wanted[topic][partition] = int32(replicas[0] + 1)
		}
	}
	ctx, cancel := context.WithTimeout(l.Context(), time.Minute)
	defer cancel()
	answers, err := admin.AlterPartitionAssignments(ctx, moves)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		l.Fatalf("moving partitions: %v", err)
	}
	l.await("the partitions are moved", func(topics kadm.TopicDetails) error {
		for _, t := range topics {
			for _, p := range t.Partitions {
				if len(p.Replicas) != 2 || len(p.ISR) != 2 {
					return fmt.Errorf("partition %d of %s: in sync %v of %v", p.Partition, t.Topic, p.ISR, p.Replicas)
				}
			}
		}
		return nil
	})
	l.await("the first replicas lead", func(topics kadm.TopicDetails) error {
		// A replica that has just fallen behind is not elected.
		if _, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, elect); err != nil {
			return err
		}
		for _, t := range topics {
			for _, p := range t.Partitions {
				if leader := wanted[t.Topic][p.Partition]; p.Leader != leader {
					return fmt.Errorf("partition %d of %s is led by %d, not %d", p.Partition, t.Topic, p.Leader, leader)
				}
			}
		}
		return nil
	})
}
