package recordbatch

import (
	"errors"
	"fmt"
)

var (
	// ErrPartial says that the bytes end before the batch does. A broker cuts
	// the last batch of a response off where the requested size is reached.
	ErrPartial = errors.New("the batch is cut off")

	// ErrMagic is a message in a format that is not read here.
	ErrMagic = errors.New("the log has messages in another format than v2: " +
		"those from before Kafka 0.11 (magic 0 and 1) must be written anew, " +
		"for example by copying the topic to a new one with a current producer")

	// ErrCorrupt is a batch that contradicts itself, which no retry repairs.
	ErrCorrupt = errors.New("the batch is corrupt")

	// ErrCRC says that the bytes are not those that the producer sent. It is
	// an ErrCorrupt.
	ErrCRC = fmt.Errorf("%w: its CRC-32C does not match", ErrCorrupt)

	// ErrCodec is a compression that Kafka does not have.
	ErrCodec = errors.New("the batch is compressed in an unknown way")

	// ErrTooLarge says that a batch has more bytes than the limit of the
	// Decompressor once it is decompressed.
	ErrTooLarge = errors.New("the batch is too large uncompressed")

	// ErrCompressed says that the records cannot be read in place.
	ErrCompressed = errors.New("the batch is still compressed")
)

// What a Reader finds. They are values, not built on the spot, so that a hot
// path can meet them without allocating.
var (
	errEnd        = fmt.Errorf("%w: the bytes end inside a record", ErrCorrupt)
	errVarint     = fmt.Errorf("%w: a number is over-long", ErrCorrupt)
	errLength     = fmt.Errorf("%w: a record has a negative length", ErrCorrupt)
	errOffset     = fmt.Errorf("%w: a record's offset does not follow or is beyond the last", ErrCorrupt)
	errHeaders    = fmt.Errorf("%w: the count of a record's headers is negative", ErrCorrupt)
	errHeaderKey  = fmt.Errorf("%w: the key of a record's header is null", ErrCorrupt)
	errRecordTail = fmt.Errorf("%w: bytes follow the last field of a record", ErrCorrupt)
	errBatchTail  = fmt.Errorf("%w: bytes follow the last record", ErrCorrupt)
)
