package recordbatch

import (
	"encoding/binary"
	"fmt"
)

// ControlType is the meaning of a control batch. Values other than those below belong
// to Kafka's own quorum and have no meaning for a consumer.
type ControlType int16

// Markers, by the type in the key of the record. ControlNone is a control batch whose
// record the log cleaner has removed.
const (
	ControlNone   ControlType = -1
	ControlAbort  ControlType = 0
	ControlCommit ControlType = 1
)

// ControlTypeOf returns the type of an uncompressed control batch from its first
// record, as Kafka's own consumer does.
func ControlTypeOf(batch []byte) (ControlType, error) {
	r, err := NewReader(batch)
	if err != nil {
		return ControlNone, err
	}
	if !r.header.Control() {
		return ControlNone, fmt.Errorf("the batch at offset %d is not a control batch", r.header.BaseOffset)
	}
	var rec Record
	if !r.Next(&rec) {
		return ControlNone, r.Err()
	}
	// The key is a version and a type of 16 bits each. Later versions only append
	// fields.
	if len(rec.Key) < 4 {
		return ControlNone, fmt.Errorf("%w: the control record at offset %d has a key of %d bytes",
			ErrCorrupt, rec.Offset, len(rec.Key))
	}
	return ControlType(binary.BigEndian.Uint16(rec.Key[2:])), nil
}
