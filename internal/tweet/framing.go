package tweet

import "encoding/binary"

// A record can carry its schema in one of two headers. The first byte distinguishes
// both, the raw datum and JSON: a raw tweet starts with the length of its id, an even
// byte above 0; JSON starts with '{' (0x7B), the single-object header with 0xC3, both
// odd, which would be a negative length; the Confluent header starts with 0, which
// would be an empty id.
const (
	singleObject0 = 0xC3
	singleObject1 = 0x01

	// SingleObjectHeaderBytes is the length of the single-object header: the
	// marker C3 01 and the fingerprint.
	SingleObjectHeaderBytes = 2 + 8

	// ConfluentHeaderBytes is the length of Confluent's header: a zero byte and
	// the schema's id.
	ConfluentHeaderBytes = 1 + 4
)

// Fingerprint is the CRC-64-AVRO of the Parsing Canonical Form of
// schemas/tweet.avsc. On the wire it is little-endian.
const Fingerprint uint64 = 0x1dd68c75e4ef9b6c

// AppendSingleObject appends t in Avro's single-object encoding.
func (t *Tweet) AppendSingleObject(dst []byte) []byte {
	return t.AppendAvro(AppendSingleObjectHeader(dst))
}

// AppendSingleObjectHeader appends the marker and our schema's fingerprint.
func AppendSingleObjectHeader(dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, singleObject0, singleObject1), Fingerprint)
}

// SplitSingleObject splits the single-object header off b. ok is false, and rest
// undefined, if b has none or is shorter than one.
func SplitSingleObject(b []byte) (fingerprint uint64, datum []byte, ok bool) {
	if len(b) < SingleObjectHeaderBytes || b[0] != singleObject0 || b[1] != singleObject1 {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint64(b[2:]), b[SingleObjectHeaderBytes:], true
}

// SplitConfluent splits the header of Confluent's serializers off b: a zero byte and
// the id of the schema in the schema registry, big-endian. ok is false, and rest
// undefined, if b has none or is shorter than one.
func SplitConfluent(b []byte) (schemaID uint32, datum []byte, ok bool) {
	if len(b) < ConfluentHeaderBytes || b[0] != 0 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(b[1:]), b[ConfluentHeaderBytes:], true
}
