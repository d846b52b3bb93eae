package deadletter

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Number reads a number in a header that is not negative. Spring writes 4 or 8 bytes, big
// endian; others write decimal digits. Bytes that are all digits are read as digits: as
// binary they would be a partition beyond 800 million, or an offset beyond 3 * 10^18.
func Number(b []byte) (int64, bool) {
	if n, ok := digits(b); ok {
		return n, true
	}
	var n int64
	switch len(b) {
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(b)))
	case 8:
		n = int64(binary.BigEndian.Uint64(b))
	default:
		return 0, false
	}
	return n, n >= 0
}

func digits(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// absent reports whether a writer without a position has written this in its place:
// Kafka Streams writes -1.
func absent(b []byte) bool { return b == nil || string(b) == "-1" }

func partition(n int64) (int32, bool) {
	if n > math.MaxInt32 {
		return Unknown, false
	}
	return int32(n), true
}
