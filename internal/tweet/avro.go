package tweet

import (
	"encoding/binary"
	"unicode/utf8"
)

// AppendAvro appends t as a raw Avro datum of schemas/tweet.avsc. It does not
// check t (see Check).
func (t *Tweet) AppendAvro(dst []byte) []byte {
	dst = appendString(dst, t.ID)
	dst = appendString(dst, t.Text)
	dst = appendString(dst, t.Brand)
	dst = AppendLong(dst, int64(t.Sentiment))
	return AppendLong(dst, t.Millis)
}

// AppendLong appends v as an Avro long: zigzag, then a varint of 1 to 10 bytes.
func AppendLong(dst []byte, v int64) []byte {
	return binary.AppendVarint(dst, v)
}

func appendString(dst, s []byte) []byte {
	return append(AppendLong(dst, int64(len(s))), s...)
}

// DecodeAvro reads the raw Avro datum b into t, whose slices then alias b. It is
// strict, because nothing else distinguishes a datum of another schema from ours: b
// must be used up, every string and number in range, and every number in its shortest
// form, so that b is the only encoding of t. On an error (one of this package's) t is
// unchanged.
//
// The decoding of numbers of one byte is inlined by hand: a call for each would double
// the time.
func (t *Tweet) DecodeAvro(b []byte) error {
	if len(b) == 0 {
		return ErrEmpty
	}
	var err error
	n, i := readByteLong(b, 0)
	if i < 0 {
		if n, i, err = readLong(b, 0); err != nil {
			return err
		}
	}
	if n < 1 || n > MaxIDBytes || int(n) > len(b)-i {
		return idRule.refuse(n)
	}
	// The capacity of each field is limited, so that an append by the caller cannot
	// overwrite the next one.
	end := i + int(n)
	id := b[i:end:end]

	if n, i, err = readLong(b, end); err != nil {
		return err
	}
	if n < 0 || n > MaxTextBytes || int(n) > len(b)-i {
		return textRule.refuse(n)
	}
	end = i + int(n)
	text := b[i:end:end]

	if n, i = readByteLong(b, end); i < 0 {
		if n, i, err = readLong(b, end); err != nil {
			return err
		}
	}
	if n < 1 || n > MaxBrandBytes || int(n) > len(b)-i {
		return brandRule.refuse(n)
	}
	end = i + int(n)
	brand := b[i:end:end]
	if (highBits(id)|highBits(text)|highBits(brand))&asciiMask != 0 {
		if err := checkUTF8(id, text, brand); err != nil {
			return err
		}
	}

	sentiment, i := readByteLong(b, end)
	if i < 0 {
		if sentiment, i, err = readLong(b, end); err != nil {
			return err
		}
	}
	if sentiment < 0 || sentiment >= NumSentiments {
		return SentimentError(sentiment)
	}
	millis, i, err := readLong(b, i)
	if err != nil {
		return err
	}
	if millis < MinMillis || millis > MaxMillis {
		return TimestampError(millis)
	}
	if i != len(b) {
		return ErrTrailing
	}
	t.ID, t.Text, t.Brand, t.Sentiment, t.Millis = id, text, brand, Sentiment(sentiment), millis
	return nil
}

// stringRule are the limits of one of the three strings.
type stringRule struct {
	min, max                          int64
	negative, empty, tooLong, notUTF8 error
}

var (
	idRule    = stringRule{1, MaxIDBytes, ErrIDLength, ErrIDEmpty, ErrIDTooLong, ErrIDNotUTF8}
	textRule  = stringRule{0, MaxTextBytes, ErrTextLength, nil, ErrTextTooLong, ErrTextNotUTF8}
	brandRule = stringRule{1, MaxBrandBytes, ErrBrandLength, ErrBrandEmpty, ErrBrandTooLong, ErrBrandNotUTF8}
)

func (r *stringRule) check(s []byte) error {
	if err := r.checkLen(int64(len(s))); err != nil {
		return err
	}
	if !utf8.Valid(s) {
		return r.notUTF8
	}
	return nil
}

func (r *stringRule) checkLen(n int64) error {
	switch {
	case n < 0:
		return r.negative
	case n < r.min:
		return r.empty
	case n > r.max:
		return r.tooLong
	}
	return nil
}

// refuse returns the reason why a string cannot have the length n: its rule, or too few
// bytes.
func (r *stringRule) refuse(n int64) error {
	if err := r.checkLen(n); err != nil {
		return err
	}
	return ErrTruncated
}

func checkUTF8(id, text, brand []byte) error {
	switch {
	case !utf8.Valid(id):
		return ErrIDNotUTF8
	case !utf8.Valid(text):
		return ErrTextNotUTF8
	case !utf8.Valid(brand):
		return ErrBrandNotUTF8
	}
	return nil
}

// asciiMask has the bits that ASCII characters do not use.
const asciiMask = 0x8080808080808080

// highBits returns a word whose bits in asciiMask are 0 if s is ASCII, and so valid
// UTF-8. The last bytes are loaded as one word that overlaps the word before.
func highBits(s []byte) uint64 {
	if len(s) < 8 {
		return highBitsOfShort(s)
	}
	bits := binary.LittleEndian.Uint64(s[len(s)-8:])
	for ; len(s) >= 8; s = s[8:] {
		bits |= binary.LittleEndian.Uint64(s)
	}
	return bits
}

func highBitsOfShort(s []byte) (bits uint64) {
	for _, c := range s {
		bits |= uint64(c)
	}
	return bits
}

// readByteLong reads the Avro long at b[i:] if it has one byte and is not negative, as
// three of a tweet's five numbers do; otherwise next is -1. Unlike readLong it is small
// enough to be inlined.
func readByteLong(b []byte, i int) (v int64, next int) {
	if i < len(b) && b[i]&0x81 == 0 {
		return int64(b[i] >> 1), i + 1
	}
	return 0, -1
}

// readLong reads the Avro long at b[i:] and returns the index after it.
func readLong(b []byte, i int) (int64, int, error) {
	var u uint64
	for shift := uint(0); i < len(b); shift += 7 {
		c := b[i]
		i++
		if c < 0x80 {
			// A last byte of 0 adds nothing, so the form is over-long. A tenth byte has
			// room for one bit.
			if shift > 0 && (c == 0 || shift == 63 && c > 1) {
				return 0, 0, ErrVarint
			}
			u |= uint64(c) << shift
			return int64(u>>1) ^ -int64(u&1), i, nil
		}
		if shift == 63 {
			return 0, 0, ErrVarint
		}
		u |= uint64(c&0x7f) << shift
	}
	return 0, 0, ErrTruncated
}
