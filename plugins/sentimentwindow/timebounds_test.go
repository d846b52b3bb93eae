package sentimentwindow

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// withRecordTime gives a message the time of its record, as Kafka inputs do.
func withRecordTime(m *service.Message, millis int64) *service.Message {
	m.MetaSetMut(contract.KafkaTimestamp, millis)
	return m
}

// A bound is the user's: on it a tweet counts, a millisecond beyond it is a dead
// letter that says which bound, whatever a message is.
func TestTimestampBounds(t *testing.T) {
	const hour = int64(3_600_000)
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).UnixMilli()
	for name, tc := range map[string]struct {
		yaml           string
		millis, record int64
		says           string
	}{
		"none":                        {"", 1_767_225_600, at, ""},
		"on min":                      {"min: 2026-01-31T12:00:00Z", at, at, ""},
		"before min":                  {"min: 2026-01-31T12:00:00Z", at - 1, at, "is before `timestamp_bounds.min`, 1769860800000 (2026-01-31T12:00:00.000Z)"},
		"min in another zone":         {"min: 2026-01-31T13:00:00+01:00", at - 1, at, "timestamp_bounds.min"},
		"on max":                      {"max: 2026-01-31T12:00:00Z", at, at, ""},
		"after max":                   {"max: 2026-01-31T12:00:00Z", at + 1, at, "is after `timestamp_bounds.max`"},
		"in seconds":                  {"min: 2006-03-21T00:00:00Z", at / 1000, at, "in seconds it would be 2026-01-31T12:00:00Z"},
		"on before_record":            {"before_record: 1h", at - hour, at, ""},
		"before before_record":        {"before_record: 1h", at - hour - 1, at, "more than `timestamp_bounds.before_record` before its record in Kafka, 1769860800000"},
		"on after_record":             {"after_record: 0s", at, at, ""},
		"after after_record":          {"after_record: 0s", at + 1, at, "timestamp_bounds.after_record"},
		"within all":                  {"min: 2026-01-01T00:00:00Z, max: 2027-01-01T00:00:00Z, before_record: 1h, after_record: 1h", at, at + 1, ""},
		"a record without a time":     {"before_record: 1h", at, -1, "has no timestamp in Kafka"},
		"a record of long ago":        {"after_record: 2562047h", at, 0, ""},
		"a record of the end of time": {"before_record: 2562047h", tweet.MaxMillis / 2, math.MaxInt64, "before_record"},
		"absolute needs no record":    {"min: 2026-01-01T00:00:00Z", at, -1, ""},
	} {
		for message, m := range map[string]*service.Message{
			messageRecord:        withRecordTime(kafkaMessage("tweets", 0, 7, datum("Tea", tweet.Negative, tc.millis)), tc.record),
			contract.RecordBatch: batchMessage(t, "tweets", 0, recordbatch.Header{}, recordbatch.Record{Timestamp: tc.record, Value: datum("Tea", tweet.Negative, tc.millis)}),
		} {
			p := testProcessor(t, "message: "+message+"\ntimestamp_bounds: {"+tc.yaml+"}")
			folds, refused := process(t, p, m)
			if (len(refused) == 0) != (tc.says == "") {
				t.Errorf("%s, %s: %d are refused", name, message, len(refused))
				continue
			}
			if tc.says == "" {
				continue
			}
			reason, _ := refused[0].MetaGet(contract.DeadReason)
			if got := refused[0].GetError().Error(); !strings.Contains(got, tc.says) || reason != contract.ReasonOutOfBounds {
				t.Errorf("%s, %s: %s: %q does not say %q", name, message, reason, got, tc.says)
			}
			if message == contract.RecordBatch {
				// It is told in the coverage, as all that is not counted.
				if b, _ := folds[0].AsBytes(); !strings.Contains(string(b), "counted=0i,undecodable=1i") {
					t.Errorf("%s: the coverage is %s", name, b)
				}
			}
		}
	}
}

// A log append time is the record's timestamp: the producer's own does not count.
func TestBoundsAreRelativeToTheLogAppendTime(t *testing.T) {
	const at = int64(1_769_860_800_000)
	p := testProcessor(t, "message: record_batch\ntimestamp_bounds: {before_record: 1h}")
	m := batchMessage(t, "tweets", 0, recordbatch.Header{Attributes: recordbatch.AttrLogAppendTime, MaxTimestamp: at + 3_600_001},
		recordbatch.Record{Timestamp: at, Value: datum("Tea", tweet.Negative, at)})
	if _, refused := process(t, p, m); len(refused) != 1 {
		t.Error("the tweet counts by its producer's time")
	}
}

// Whoever writes to the topic must not choose the time that a bound is relative to
// by a header.
func TestRecordTimeFromAHeader(t *testing.T) {
	const at = int64(1_769_860_800_000)
	p := testProcessor(t, "timestamp_bounds: {before_record: 1h}")
	value := datum("Tea", tweet.Negative, 1000)
	m := withRecordTime(kafkaMessage("tweets", 0, 7, value), at)
	m.MetaSetMut(contract.KafkaTimestamp, "1000")
	m.MetaSetMut(contract.RedpandaHeaders, []kgo.RecordHeader{{Key: contract.KafkaTimestamp, Value: []byte("1000")}})
	_, refused := process(t, p, m)
	if len(refused) != 1 {
		t.Fatal("the tweet counts")
	}
	if reason, _ := refused[0].MetaGet(contract.DeadReason); reason != contract.ReasonOrigin {
		t.Errorf("the reason is %s: %v", reason, refused[0].GetError())
	}
	if _, refused := process(t, p, service.NewMessage(value)); len(refused) != 1 {
		t.Error("a message from elsewhere has no record, and counts")
	}
}

// Reading again must decide alike, in a hundred years as well.
func TestBoundsDoNotLookAtTheClock(t *testing.T) {
	b, err := boundsFrom(boundsConfig(t, "min: 1990-01-01T00:00:00Z, before_record: 720h, after_record: 24h"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		record := rapid.Int64().Draw(t, "record")
		millis := rapid.OneOf(rapid.Int64Range(tweet.MinMillis, tweet.MaxMillis), rapid.Custom(func(t *rapid.T) int64 {
			return min(max(record+rapid.Int64Range(-1<<33, 1<<33).Draw(t, "apart"), tweet.MinMillis), tweet.MaxMillis)
		})).Draw(t, "millis")
		got := b.check(millis, record) == nil
		in := func(from, to int64) bool { return millis >= from && millis <= to }
		want := record >= 0 && record <= tweet.MaxMillis*2 && in(max(631152000000, record-720*3_600_000), record+24*3_600_000)
		if got != want {
			t.Fatalf("%d with a record of %d: %v", millis, record, b.check(millis, record))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UnixMilli()
		record := now
		before := fmt.Sprint(b.check(now-720*3_600_000-1, record), b.check(now, record))
		time.Sleep(100 * 365 * 24 * time.Hour)
		if after := fmt.Sprint(b.check(now-720*3_600_000-1, record), b.check(now, record)); after != before {
			t.Errorf("%s, and a hundred years later %s", before, after)
		}
	})
}

func boundsConfig(t *testing.T, yaml string) *service.ParsedConfig {
	t.Helper()
	parsed, err := spec().ParseYAML("timestamp_bounds: {"+yaml+"}", nil)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Namespace(fieldBounds)
}
