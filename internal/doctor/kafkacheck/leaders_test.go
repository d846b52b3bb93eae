package kafkacheck

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

// If this fails, a partition that can be neither read nor written goes unnoticed, or the
// wrong brokers are blamed.
func TestCopies(t *testing.T) {
	on := func(brokers ...int32) []int32 { return brokers }
	running := map[int32]string{1: "a:1", 2: "b:1"}
	for name, c := range map[string]struct {
		leader        int32
		replicas, isr []int32
		least         int
		needed        bool
		want          doctor.Status
		says, do      string
	}{
		"whole":                       {1, on(1, 2), on(2, 1), 2, true, doctor.StatusOK, "all partitions of t ", ""},
		"a broker that is down":       {1, on(1, 2, 3), on(1, 2), 2, true, doctor.StatusWarning, "broker 3 is down, so these partitions have fewer copies in sync than configured: 7 of t", "Start broker 3."},
		"brokers that are down":       {1, on(4, 1, 3), on(1), 1, true, doctor.StatusWarning, "brokers 3, 4 are down, so", "Start brokers 3, 4."},
		"a broker that is behind":     {1, on(1, 2), on(1), 1, true, doctor.StatusWarning, "broker 2 is behind, so", "Wait until broker 2"},
		"one down, one behind":        {1, on(1, 2, 3), on(1), 1, true, doctor.StatusWarning, "broker 3 is down and broker 2 is behind, so", "Start broker 3."},
		"too few for the pipeline":    {1, on(1, 3), on(1), 2, true, doctor.StatusFailed, "the pipeline cannot write to them: 7 of t", "Start broker 3."},
		"too few for producers":       {1, on(1, 3), on(1), 2, false, doctor.StatusWarning, "producers with acks=all", "Start broker 3."},
		"more than there can be":      {1, on(1), on(1), 2, true, doctor.StatusOK, "all", ""},
		"no leader, its broker down":  {-1, on(3), on(3), 1, false, doctor.StatusFailed, "broker 3 is down, so these partitions have no leader", "Start broker 3."},
		"no leader, its broker is up": {-1, on(2), on(2), 1, false, doctor.StatusFailed, "these partitions have no leader", "controller"},
	} {
		found := copies{brokers: running}
		found.add(kadm.PartitionDetail{Topic: "t", Partition: 7, Leader: c.leader, Replicas: c.replicas, ISR: c.isr}, c.least, c.needed)
		f := found.judge([]string{"t"}, nil)
		if f.Status != c.want || !strings.HasPrefix(f.Seen, c.says) && !strings.Contains(f.Seen, c.says) || !strings.Contains(f.Do, c.do) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// If this fails, a fault of one broker is a list that nobody reads.
func TestCopiesOfManyTopics(t *testing.T) {
	found := copies{brokers: map[int32]string{1: "a:1"}}
	for _, topic := range []string{"t", "u"} {
		for partition := range int32(12) {
			found.add(kadm.PartitionDetail{Topic: topic, Partition: partition, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1}}, 1, false)
		}
	}
	const first = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more of "
	want := "broker 2 is down (probably b:1, see kafka-reach), so these partitions have fewer copies in sync than configured: " + first + "t; " + first + "u"
	if f := found.judge([]string{"t", "u"}, []string{"b:1"}); f.Seen != want {
		t.Errorf("%s", f.Seen)
	}
}
