package recordbatch

// Varints as Kafka writes them: zigzag, seven bits per byte, the lowest first
// (org.apache.kafka.common.utils.ByteUtils), at most 5 bytes for 32 bits and 10 for 64.
// A count of 0 read bytes means that b ends inside the number, a negative one that the
// number is over-long or overflows.

// varint reads an int32.
func varint(b []byte) (int32, int) {
	var u uint32
	for i, c := range b {
		if i == 4 {
			if c > 0x0f {
				return 0, -5
			}
			u |= uint32(c) << 28
			return int32(u>>1) ^ -int32(u&1), 5
		}
		u |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int32(u>>1) ^ -int32(u&1), i + 1
		}
	}
	return 0, 0
}

// varlong reads an int64.
func varlong(b []byte) (int64, int) {
	var u uint64
	for i, c := range b {
		if i == 9 {
			if c > 0x01 {
				return 0, -10
			}
			u |= uint64(c) << 63
			return int64(u>>1) ^ -int64(u&1), 10
		}
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}

// shortVarint reads a number of one or two bytes off the low end of w, and returns the
// rest of w. The number must not be longer: see longVarint.
func shortVarint(w uint64) (v int, n int, rest uint64) {
	u := int(w & 0x7f)
	if w&0x80 == 0 {
		return u>>1 ^ -(u & 1), 1, w >> 8
	}
	u |= int(w >> 1 & 0x3f80)
	return u>>1 ^ -(u & 1), 2, w >> 16
}

// longVarint reports whether the number at the low end of w has three bytes or more.
func longVarint(w uint64) bool { return w&0x8080 == 0x8080 }

// varintError returns the error for a varint that was read with a count n <= 0.
func varintError(n int) error {
	if n < 0 {
		return errVarint
	}
	return errEnd
}

func appendVarint(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

// varintSize returns the number of bytes that appendVarint appends for v.
func varintSize(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 1
	for u >= 0x80 {
		u >>= 7
		n++
	}
	return n
}
