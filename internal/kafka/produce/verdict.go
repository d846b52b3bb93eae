package produce

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// RefusedError is why Kafka will never accept a record.
type RefusedError struct {
	Kind      string // Kafka's name of the error
	Topic     string
	Partition int32 // -1 if none was chosen
	text      string
}

func (r *RefusedError) Error() string { return r.text }

// kindUnreadable is the kind of records that cannot be read or compressed.
const kindUnreadable = "unreadable"

// action is what to do with a batch.
type action int

const (
	again        action = iota // send it again: the fault is not of its records
	acknowledged               // it is stored
	refused                    // all its records are refused
	without                    // some are refused: send the others
	halved                     // it is too large: send it in two parts
)

type verdict struct {
	action  action
	kind    string
	err     error
	records []refusedRecord // of without
	corrupt bool            // the broker finds the batch damaged
	suspect bool            // its records may not be readable
}

// maxCorrupt is how often in a row a batch is found damaged by the broker before it is
// refused. Bytes can be damaged on the way, but not every time.
const maxCorrupt = 5

// verdictOf returns what a broker's answer for a batch means. Unless the batch itself is
// at fault, it is sent again: a broker that is not allowed, has no room or is set up
// differently now may accept it later.
func verdictOf(a *kmsg.ProduceResponseTopicPartition, b *batch) verdict {
	code := kerr.ErrorForCode(a.ErrorCode)
	if code == nil {
		return verdict{action: acknowledged}
	}
	v := verdict{kind: kindOf(code), err: withText(code, a.ErrorMessage)}
	switch {
	case errors.Is(code, kerr.MessageTooLarge), errors.Is(code, kerr.RecordListTooLarge):
		v.action = halved
		if b.records <= 1 {
			v.action = refused
		}
	case errors.Is(code, kerr.InvalidRecord), errors.Is(code, kerr.InvalidTimestamp):
		v.action = refused
		if v.records = recordsOf(a, b, code); len(v.records) > 0 && !b.whole {
			v.action = without
		} else if len(v.records) > 0 {
			v.err = fmt.Errorf("%w (record %d of the batch: %w)", v.err, v.records[0].place, v.records[0].err)
		}
	case errors.Is(code, kerr.InvalidTopicException):
		v.action = refused
	case errors.Is(code, kerr.UnsupportedCompressionType), errors.Is(code, kerr.UnsupportedForMessageFormat):
		// Of a batch that comes with its compression; otherwise it is a setting.
		if b.whole {
			v.action = refused
		}
	case errors.Is(code, kerr.CorruptMessage):
		v.corrupt, v.suspect = true, b.whole
	case errors.Is(code, kerr.UnknownServerError):
		v.suspect = b.whole
	}
	return v
}

// recordsOf returns the records that the broker names, by their place.
func recordsOf(a *kmsg.ProduceResponseTopicPartition, b *batch, code error) []refusedRecord {
	var records []refusedRecord
	for _, r := range a.ErrorRecords {
		if r.RelativeOffset >= 0 && r.RelativeOffset < b.records {
			records = append(records, refusedRecord{r.RelativeOffset, withText(code, cmp.Or(r.ErrorMessage, a.ErrorMessage))})
		}
	}
	slices.SortFunc(records, func(a, b refusedRecord) int { return cmp.Compare(a.place, b.place) })
	return slices.CompactFunc(records, func(a, b refusedRecord) bool { return a.place == b.place })
}

func withText(err error, text *string) error {
	if text == nil || *text == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, *text)
}

// kindOf returns Kafka's name of an error, or "connection".
func kindOf(err error) string {
	if e, ok := errors.AsType[*kerr.Error](err); ok {
		return e.Message
	}
	return "connection"
}
