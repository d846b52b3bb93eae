package faultlab

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// form is how the records of a WritePipeline look, which follows from their sender and
// number alone: so a record that is read can be compared with the one that was sent.
type form struct {
	seed       uint64
	partitions int32
	whole      bool // messages are record batches
}

// writtenRecord is a record as its sender made it.
type writtenRecord struct {
	key, value, header string
	millis             int64
}

const (
	// headerName is that of the only header.
	headerName = "check"
	// blockRecords is how many consecutive numbers have the same partition if messages are
	// record batches.
	blockRecords = 256
	firstMillis  = 1_700_000_000_000
	letters      = "abcdefghijklmnopqrstuvwxyz"
)

// alike reports whether all batches of messages of a sender have the same number of bytes.
// If the memory of one is used for another, what is sent is a sound batch with the records
// of the other. Of batches with different lengths it would be one that Kafka refuses.
func alike(sender int) bool { return sender < 2 }

// record returns the record of a sender with a number. Its text has few repetitions, so
// that compressed batches differ as much as others.
func (f form) record(sender int, number int64) writtenRecord {
	random := rand.New(rand.NewPCG(f.seed, uint64(sender)<<40|uint64(number)))
	var text strings.Builder
	fmt.Fprintf(&text, "%d/%08d/", sender, number)
	length := 100
	if !alike(sender) {
		length = 20 + random.IntN(200)
		if random.IntN(100) == 0 {
			length *= 20
		}
	}
	for length > 0 {
		bits := random.Uint64()
		for range min(length, 10) {
			text.WriteByte(letters[bits%26])
			bits /= 26
		}
		length -= min(length, 10)
	}
	r := writtenRecord{value: text.String(), millis: firstMillis + number}
	hash := fnv.New64a()
	hash.Write([]byte(r.value))
	r.header = fmt.Sprintf("%016x", hash.Sum64())
	r.key = fmt.Sprintf("k%03d", random.IntN(500))
	return r
}

// partitioner is franz-go's, which places keys as Java's producer does.
var partitioner = kgo.StickyKeyPartitioner(nil).ForTopic("")

// partition returns the partition that a record belongs to.
func (f form) partition(sender int, number int64, key string) int32 {
	if f.whole {
		return int32((number/blockRecords + int64(sender)) % int64(f.partitions))
	}
	return int32(partitioner.Partition(&kgo.Record{Key: []byte(key)}, int(f.partitions)))
}

// mustBe returns how a stored record differs from the one that was sent.
func (f form) mustBe(r *kgo.Record, sender int, number int64) error {
	want := f.record(sender, number)
	switch {
	case string(r.Value) != want.value:
		return fmt.Errorf("its value is %.60q, sent was %.60q", r.Value, want.value)
	case string(r.Key) != want.key:
		return fmt.Errorf("its key is %q, sent was %q", r.Key, want.key)
	case len(r.Headers) != 1 || r.Headers[0].Key != headerName || string(r.Headers[0].Value) != want.header:
		return fmt.Errorf("its headers are %q, sent was %s: %q", r.Headers, headerName, want.header)
	case r.Timestamp.UnixMilli() != want.millis:
		return fmt.Errorf("its time is %d, sent was %d", r.Timestamp.UnixMilli(), want.millis)
	}
	if at := f.partition(sender, number, want.key); r.Partition != at {
		return fmt.Errorf("it is in partition %d and belongs to %d", r.Partition, at)
	}
	return nil
}
