package kafkacheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

// If this fails, a partition that gets most of the records goes unnoticed, or one with its
// fair share is blamed.
func TestJudgeSkew(t *testing.T) {
	for name, c := range map[string]struct {
		written, unread map[int32]int64
		want            doctor.Status
		says            string
		partition       int32
	}{
		"none":              {map[int32]int64{}, nil, doctor.StatusOK, "0 records", 0},
		"one partition":     {map[int32]int64{0: 5000}, nil, doctor.StatusOK, "one partition", 0},
		"few records":       {map[int32]int64{0: 900, 1: 0}, nil, doctor.StatusOK, "900 records", 0},
		"even":              {map[int32]int64{0: 900, 1: 1000, 2: 1100}, nil, doctor.StatusOK, "the largest has 37 %", 0},
		"one has most":      {map[int32]int64{0: 60, 1: 4812, 2: 60, 3: 68}, nil, doctor.StatusWarning, "of 5,000 records of the last hour in 4 partitions, partition 1 has 4,812", 1},
		"one lags":          {map[int32]int64{0: 900, 1: 1000}, map[int32]int64{0: 5, 1: 2000}, doctor.StatusWarning, "of 2,005 unread records in 2 partitions, partition 1 has 2,000", 1},
		"a short lag":       {map[int32]int64{0: 900, 1: 1000}, map[int32]int64{0: 5, 1: 200}, doctor.StatusOK, "53 %", 0},
		"lag of both alike": {map[int32]int64{0: 900, 1: 1000}, map[int32]int64{0: 9000, 1: 9000}, doctor.StatusOK, "53 %", 0},
	} {
		f, partition := judgeSkew(c.written, c.unread)
		if f.Status != c.want || !strings.Contains(f.Seen, c.says) || partition != c.partition || (f.Do == "") != (c.want == doctor.StatusOK) {
			t.Errorf("%s: %+v, partition %d", name, f, partition)
		}
	}
}

// If this fails, the key that fills a partition is not named, or one is named at random.
func TestKeyWords(t *testing.T) {
	records := func(frequent int, key []byte) (all []*kgo.Record) {
		for i := range 1000 {
			r := &kgo.Record{Key: fmt.Append(nil, "other ", i)}
			if i%1000 < frequent {
				r.Key = key
			}
			all = append(all, r)
		}
		return all
	}
	for name, c := range map[string]struct {
		records []*kgo.Record
		want    string
	}{
		"no records":    {nil, ""},
		"many keys":     {records(0, nil), ""},
		"not so many":   {records(150, []byte("42")), ""},
		"one key":       {records(612, []byte("42")), `at least 612 have the key "42"`},
		"a strange key": {records(612, []byte("a\x00b")), `have the key "a\\x00b"`},
		"without a key": {records(900, nil), "at least 900 have no key"},
		"only one key":  {records(1000, []byte("a")), `Of its newest 1,000 records, at least 1,000 have the key "a"`},
	} {
		if got := keyWords(c.records); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
