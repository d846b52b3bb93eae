package recordbatch

import (
	"errors"
	"fmt"
)

var (
	// ErrPartial means that the bytes end inside the batch. A broker truncates the last
	// batch of a response at the requested size.
	ErrPartial = errors.New("the batch is truncated")

	// ErrMagic is a message in an unsupported format.
	ErrMagic = errors.New("the log has messages in another format than v2: " +
		"those from before Kafka 0.11 (magic 0 and 1) must be rewritten, " +
		"for example by copying the topic to a new one with a current producer")

	// ErrCorrupt is a batch that contradicts itself. Retries do not help.
	ErrCorrupt = errors.New("the batch is corrupt")

	// ErrCRC means that the bytes are not those that the producer sent. It is an
	// ErrCorrupt.
	ErrCRC = fmt.Errorf("%w: its CRC-32C does not match", ErrCorrupt)

	// ErrCodec is a compression that Kafka does not have.
	ErrCodec = errors.New("the batch is compressed in an unknown way")

	// ErrTooLarge means that a decompressed batch exceeds the limit of the
	// Decompressor.
	ErrTooLarge = errors.New("the batch is too large when decompressed")

	// ErrCompressed means that the records cannot be read in place.
	ErrCompressed = errors.New("the batch is still compressed")
)

// Errors of a Reader. They are values, so that a hot path does not allocate them.
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
