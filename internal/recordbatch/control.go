package recordbatch

import (
	"encoding/binary"
	"fmt"
)

// ControlType is what a control batch marks. Values other than those below are
// of Kafka's own quorum and mean nothing to a consumer.
type ControlType int16

// Markers, by the type in the key of the record. ControlNone is a control batch
// whose record the log cleaner has removed.
const (
	ControlNone   ControlType = -1
	ControlAbort  ControlType = 0
	ControlCommit ControlType = 1
)

// ControlTypeOf reads what an uncompressed control batch marks, from its first
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
	// The key is a version and a type, 16 bits each. Versions only ever add.
	if len(rec.Key) < 4 {
		return ControlNone, fmt.Errorf("%w: the control record at offset %d has a key of %d bytes",
			ErrCorrupt, rec.Offset, len(rec.Key))
	}
	return ControlType(binary.BigEndian.Uint16(rec.Key[2:])), nil
}
