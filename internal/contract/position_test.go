package contract_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

type metadata map[string]any

func (m metadata) MetaGetMut(key string) (any, bool) { v, ok := m[key]; return v, ok }

func (m metadata) MetaSetMut(key string, value any) { m[key] = value }

// If this fails, a processor rejects the position that an input has set, or counts
// under another one.
func TestAPositionIsReadAsItWasSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := contract.Position{
			Topic:     rapid.String().Draw(t, "topic"),
			Partition: rapid.Int32Range(0, math.MaxInt32).Draw(t, "partition"),
			Offset:    rapid.Int64Min(0).Draw(t, "offset"),
		}
		want.TopicID[15] = rapid.Byte().Draw(t, "id")
		m := metadata{}
		want.Set(m)
		got, found, err := contract.PositionOf(m)
		if got != want || !found || err != nil {
			t.Fatalf("got %+v, %v, %v, want %+v", got, found, err, want)
		}
		if _, set := m[contract.KafkaTopicID]; set != want.HasID() {
			t.Fatalf("the id %v is set: %v", want.TopicID, set)
		}
	})
}

// If this fails, anyone who may write to a topic can choose the offset under which a
// record is counted, and so replace the count of another record.
func TestAHeaderOrMappingIsNoPosition(t *testing.T) {
	for key, values := range map[string][]any{
		contract.KafkaTopic:     {nil, []byte("other"), 7}, // a header's text: see RedpandaHeaders
		contract.KafkaPartition: {nil, "3", []byte("3"), int64(3), int32(3), 3.0, true, -1, math.MaxInt32 + 1},
		contract.KafkaOffset:    {nil, "7", []byte("7"), int64(7), int32(7), 7.0, true},
	} {
		for _, value := range values {
			m := metadata{}
			want := contract.Position{Topic: "tweets", TopicID: [16]byte{1}, Partition: 3, Offset: 7}
			want.Set(m)
			m[key] = value
			switch want.TopicID = [16]byte{}; key {
			case contract.KafkaTopic:
				want.Topic = ""
			case contract.KafkaPartition:
				want.Partition = -1
			case contract.KafkaOffset:
				want.Offset = -1
			}
			got, found, err := contract.PositionOf(m)
			if got != want || !found || err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%s = %T %v: got %+v, %v, %v, want %+v and an error", key, value, value, got, found, err, want)
			}
		}
	}
	m := metadata{}
	contract.Position{Topic: "tweets"}.Set(m)
	m[contract.KafkaTopicID] = strings.Repeat("a", 16)
	if got, _, err := contract.PositionOf(m); got.HasID() || err != nil {
		t.Errorf("an id from a header: got %+v, %v", got, err)
	}
	if got, found, err := contract.PositionOf(metadata{"other": 1}); got != (contract.Position{}) || found || err != nil {
		t.Errorf("a message from elsewhere: got %+v, %v, %v", got, found, err)
	}
}

// If this fails, seconds before 1970 are rounded up, and a mapping of the user sees
// other times from kafka_batches than in a dead letter.
func TestARecordsTimeIsFlooredToSeconds(t *testing.T) {
	for millis, seconds := range map[int64]int64{-1: -1, 0: 0, 1999: 1, -1000: -1, -1001: -2} {
		m := metadata{}
		contract.SetRecord(m, nil, []byte{}, millis)
		if m[contract.KafkaTimestampUnix] != seconds || m[contract.KafkaTimestamp] != millis || m[contract.KafkaTombstone] != false {
			t.Errorf("%d ms: got %v", millis, m)
		}
	}
}
