package kafkacheck

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// If this fails, a partition that can be neither read nor written goes unnoticed.
func TestLeaders(t *testing.T) {
	for name, c := range map[string]struct {
		partition kadm.PartitionDetail
		want      doctor.Status
	}{
		"whole":      {kadm.PartitionDetail{Partition: 3, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1, 2}}, doctor.StatusOK},
		"a copy":     {kadm.PartitionDetail{Partition: 3, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1}}, doctor.StatusWarning},
		"leaderless": {kadm.PartitionDetail{Partition: 3, Leader: -1, Replicas: []int32{1, 2}, ISR: []int32{1}}, doctor.StatusFailed},
	} {
		k := &checker{metadata: conn.Described{Topics: map[string]kadm.TopicDetail{"t": {Partitions: kadm.PartitionDetails{3: c.partition}}}}}
		f := k.leaders("t")(t.Context())
		if f.Status != c.want || c.want != doctor.StatusOK && !strings.Contains(f.Seen, "3") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// If this fails, an unread record that Kafka deletes soon is reported too late.
func TestRetentionAgainstLag(t *testing.T) {
	for name, c := range map[string]struct {
		age  time.Duration
		ms   string
		want doctor.Status
	}{
		"young":     {10 * time.Minute, "3600000", doctor.StatusOK},
		"half":      {40 * time.Minute, "3600000", doctor.StatusWarning},
		"unlimited": {40 * time.Minute, "-1", doctor.StatusOK},
		"unknown":   {40 * time.Minute, "", doctor.StatusSkipped},
	} {
		read := Read{Topic: "t", ConsumerGroup: "g"}
		k := &checker{lags: map[string]lag{read.key(): {oldest: time.Now().Add(-c.age)}}, settings: map[string]conn.TopicSettings{"t": {}}}
		if c.ms != "" {
			k.settings["t"]["retention.ms"] = c.ms
		}
		if f := k.retention(read)(t.Context()); f.Status != c.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestPortsAreThoseOfTheClient(t *testing.T) {
	got := withPorts([]string{"a:1", "b", "::1", "[::1]:3"})
	if want := []string{"a:1", "b:9092", "[::1]:9092", "[::1]:3"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
