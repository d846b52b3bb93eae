package kafkacheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// leaders checks the copies of all topics' partitions. It is one check, since a broker
// that is down is one fault, however many topics have copies on it.
func (k *checker) leaders(ctx context.Context) doctor.Finding {
	// Without the right to know them, nothing is said about min.insync.replicas.
	settings, _ := conn.Settings(ctx, k.admin, k.topics())
	found := copies{brokers: k.metadata.Brokers}
	var known []string
	for _, topic := range k.topics() {
		least, _ := strconv.Atoi(settings[topic]["min.insync.replicas"])
		partitions := k.metadata.Topics[topic].Partitions.Sorted()
		for _, p := range partitions {
			found.add(p, least, k.waitsForCopies(topic))
		}
		if len(partitions) > 0 {
			known = append(known, topic)
		}
	}
	if len(known) == 0 {
		return doctor.Skipped("the brokers' response has no partitions of these topics: %s", strings.Join(k.topics(), ", "))
	}
	return found.judge(known, k.unanswered())
}

// waitsForCopies reports whether an output writes a record only once all copies in sync
// have it.
func (k *checker) waitsForCopies(topic string) bool {
	return slices.ContainsFunc(k.Writes, func(w Write) bool { return w.Topic == topic && w.AllCopies })
}

// unanswered returns the configured addresses that do not answer.
func (k *checker) unanswered() (addresses []string) {
	for _, seed := range k.Config.Seeds {
		if !slices.Contains(k.reached, seed) {
			addresses = append(addresses, seed)
		}
	}
	return addresses
}

// copies are the partitions with too few of them, and the brokers that have the others.
type copies struct {
	brokers    map[int32]string // that run, with their addresses
	down, late map[int32]bool

	leaderless places // no copy leads
	unwritable places // fewer in sync than an output of the pipeline waits for
	unproduced places // fewer in sync than producers may wait for
	fewer      places // fewer in sync than configured
}

// add adds a partition. least is min.insync.replicas of its topic, and needed reports
// whether the pipeline waits for so many.
func (c *copies) add(p kadm.PartitionDetail, least int, needed bool) {
	least = min(least, len(p.Replicas)) // as brokers do
	into := &c.fewer
	switch {
	case leaderless(p):
		into = &c.leaderless
	case len(p.ISR) >= len(p.Replicas):
		return
	case len(p.ISR) < least && needed:
		into = &c.unwritable
	case len(p.ISR) < least:
		into = &c.unproduced
	}
	into.add(p.Topic, p.Partition)
	for _, broker := range p.Replicas {
		switch _, runs := c.brokers[broker]; {
		case !runs:
			mark(&c.down, broker)
		case !slices.Contains(p.ISR, broker):
			mark(&c.late, broker)
		}
	}
}

func leaderless(p kadm.PartitionDetail) bool {
	return p.Leader < 0 || errors.Is(p.Err, kerr.LeaderNotAvailable)
}

func mark(set *map[int32]bool, broker int32) {
	if *set == nil {
		*set = map[int32]bool{}
	}
	(*set)[broker] = true
}

// judge names the brokers first: they are the cause. unanswered are addresses of brokers.
func (c *copies) judge(topics, unanswered []string) doctor.Finding {
	why, do := c.cause(unanswered)
	switch {
	case !c.leaderless.none():
		return doctor.Failed(do, "%sthese partitions have no leader, and can be neither read nor written: %s", why, &c.leaderless)
	case !c.unwritable.none():
		return doctor.Failed(do, "%sthese partitions have fewer copies in sync than min.insync.replicas, and the pipeline cannot write to them: %s", why, &c.unwritable)
	case !c.unproduced.none():
		return doctor.Warning(do, "%sthese partitions have fewer copies in sync than min.insync.replicas, and producers with acks=all cannot write to them: %s", why, &c.unproduced)
	case !c.fewer.none():
		return doctor.Warning(do, "%sthese partitions have fewer copies in sync than configured: %s", why, &c.fewer)
	}
	return doctor.OK("all partitions of %s have a leader and all their copies", strings.Join(topics, ", "))
}

// cause returns the beginning of a sentence with the brokers that are missing, and what
// to do about them. The brokers do not tell the address of one that is down.
func (c *copies) cause(unanswered []string) (why, do string) {
	var whys, dos []string
	if len(c.down) > 0 {
		who := brokers(c.down)
		why := who + are(c.down) + "down"
		if len(unanswered) == len(c.down) {
			why += fmt.Sprintf(" (probably %s, see kafka-reach)", strings.Join(unanswered, ", "))
		}
		whys, dos = append(whys, why), append(dos, fmt.Sprintf("Start %s. If it does not come back, its log has the reason.", who))
	}
	if len(c.late) > 0 {
		who := brokers(c.late)
		whys, dos = append(whys, who+are(c.late)+"behind"), append(dos, fmt.Sprintf("Wait until %s has caught up; if that does not end, its log has the reason.", who))
	}
	if len(whys) == 0 {
		return "", "The log of the controller has the reason; kafka-topics --describe names the brokers that have the partitions."
	}
	return strings.Join(whys, " and ") + ", so ", strings.Join(dos, " ")
}

func brokers(set map[int32]bool) string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(set)) {
		ids = append(ids, strconv.Itoa(int(id)))
	}
	if len(ids) == 1 {
		return "broker " + ids[0]
	}
	return "brokers " + strings.Join(ids, ", ")
}

func are(set map[int32]bool) string {
	if len(set) == 1 {
		return " is "
	}
	return " are "
}

// places are partitions of topics.
type places struct {
	topics     []string
	partitions map[string][]string
}

func (p *places) add(topic string, partition int32) {
	if p.partitions == nil {
		p.partitions = map[string][]string{}
	}
	if p.partitions[topic] == nil {
		p.topics = append(p.topics, topic)
	}
	p.partitions[topic] = append(p.partitions[topic], strconv.Itoa(int(partition)))
}

func (p *places) none() bool { return len(p.topics) == 0 }

func (p *places) String() string {
	var all []string
	for _, topic := range p.topics {
		all = append(all, fmt.Sprintf("%s of %s", short(p.partitions[topic]), topic))
	}
	return strings.Join(all, "; ")
}
