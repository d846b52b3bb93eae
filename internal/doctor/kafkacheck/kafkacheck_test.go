package kafkacheck

import (
	"slices"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

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
