package influxdb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

const (
	// minLetterBytes is the smallest limit of a dead letter: reason and origin fit into
	// it.
	minLetterBytes = 16 << 10
	// maxMetaBytes, maxMetaValue and maxMetaName bound the metadata of the message,
	// all of it and each. Kafka's default limit for a record with its headers is
	// 1 MiB, and a record's headers alone can have that.
	maxMetaBytes = 64 << 10
	maxMetaValue = 8 << 10
	maxMetaName  = 256
)

// letter returns the dead letter of a refusal: the line, with the metadata of its message
// and the reason, of at most limit bytes in total.
func (r refusal) letter(origin *service.Message, limit int) *service.Message {
	m := origin.Copy()
	left := limit
	set := func(name, value string) {
		m.MetaSetMut(name, value)
		left -= len(name) + len(value)
	}
	others := cutMetadata(m, min(limit/4, maxMetaBytes))
	left -= others.size
	set(contract.InfluxDBReason, clean(r.reason, nil))
	if r.bucket != "" {
		set(contract.InfluxDBBucket, cut(r.bucket, maxReason))
	}
	if r.status != 0 {
		set(contract.InfluxDBStatus, strconv.Itoa(r.status))
	}
	if others.names != "" {
		set(contract.InfluxDBCut, others.names)
	}
	content := r.text
	if content == nil {
		// An error means that the value has no bytes; they are empty then.
		content, _ = m.AsBytes()
	}
	if reserve := len(contract.InfluxDBCutFrom) + len("18446744073709551615"); len(content) > left-reserve {
		m.MetaSetMut(contract.InfluxDBCutFrom, len(content))
		m.SetBytes([]byte(cut(string(content), left-reserve)))
	} else if r.text != nil {
		m.SetBytes(slices.Clone(r.text))
	}
	return m
}

// cutMeta is the result of cutMetadata.
type cutMeta struct {
	size  int    // of the remaining metadata
	names string // of truncated and removed metadata
}

// cutMetadata bounds the metadata of a message. The position in Kafka comes first, then
// the order is that of the names, so that the result is deterministic.
func cutMetadata(m *service.Message, limit int) cutMeta {
	var names []string
	_ = m.MetaWalkMut(func(name string, _ any) error { // the function has no error
		names = append(names, name)
		return nil
	})
	place := func(name string) bool {
		return contract.IsPosition(name) || name == contract.KafkaLastOffset
	}
	slices.SortFunc(names, func(a, b string) int {
		if place(a) != place(b) {
			return map[bool]int{true: -1, false: 1}[place(a)]
		}
		return strings.Compare(a, b)
	})
	var done cutMeta
	note := func(name string) {
		if len(done.names) < maxMetaName {
			done.names = strings.TrimPrefix(done.names+" "+cut(clean(name, nil), maxMetaName/4), " ")
		}
	}
	for _, name := range names {
		value, _ := m.MetaGet(name)
		switch size := len(name) + min(len(value), maxMetaValue); {
		case slices.Contains([]string{contract.InfluxDBBucket, contract.InfluxDBStatus, contract.InfluxDBReason, contract.InfluxDBCut, contract.InfluxDBCutFrom}, name):
			m.MetaDelete(name) // of an earlier rejection
			continue
		case len(name) > maxMetaName, done.size+size > limit:
			m.MetaDelete(name)
			note(name)
			continue
		case len(value) > maxMetaValue:
			value = cut(value, maxMetaValue)
			m.MetaSetMut(name, value)
			note(name)
		}
		done.size += len(name) + len(value)
	}
	return done
}

// tooLarge reports whether the error of an output means that a message is too large. The
// message is truncated then, so words that may be about a rate or a time are not enough.
func tooLarge(err error) bool {
	text := strings.ToLower(err.Error())
	has := func(words string) bool { return strings.Contains(text, words) }
	return slices.ContainsFunc([]string{"too large", "too_large", "toolarge", "too big", "maximum payload", "max message size", "message too long"}, has) ||
		slices.ContainsFunc([]string{"exceed", "larger than", "bigger than"}, has) && slices.ContainsFunc([]string{"size", "bytes", "length", "message", "payload"}, has) &&
			!slices.ContainsFunc([]string{"deadline", "rate", "quota", "retries", "time"}, has)
}
