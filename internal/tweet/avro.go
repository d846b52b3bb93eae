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

// DecodeAvro reads the raw Avro datum b into t, whose slices then alias b. It
// is strict, because a datum of another schema cannot be told from ours in any
// other way: b must be used up, every string and number in range, and every
// number in its shortest form, so that b is the one encoding of t. On an error
// (one of this package's) t is unchanged.
func (t *Tweet) DecodeAvro(b []byte) error {
	if len(b) == 0 {
		return ErrEmpty
	}
	id, i, err := readString(b, 0, &idRule)
	if err != nil {
		return err
	}
	text, i, err := readString(b, i, &textRule)
	if err != nil {
		return err
	}
	brand, i, err := readString(b, i, &brandRule)
	if err != nil {
		return err
	}
	sentiment, next := readByteLong(b, i)
	if next < 0 {
		if sentiment, next, err = readLong(b, i); err != nil {
			return err
		}
	}
	i = next
	if uint64(sentiment) >= NumSentiments {
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
	*t = Tweet{ID: id, Text: text, Brand: brand, Sentiment: Sentiment(sentiment), Millis: millis}
	return nil
}

// stringRule is what one of the three strings must keep.
type stringRule struct {
	min, max                          int
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
	case n < int64(r.min):
		return r.empty
	case n > int64(r.max):
		return r.tooLong
	}
	return nil
}

// readString reads the Avro string at b[i:] and gives the index after it.
func readString(b []byte, i int, rule *stringRule) ([]byte, int, error) {
	n, next := readByteLong(b, i)
	if next < 0 {
		var err error
		if n, next, err = readLong(b, i); err != nil {
			return nil, 0, err
		}
	}
	i = next
	if err := rule.checkLen(n); err != nil {
		return nil, 0, err
	}
	if int(n) > len(b)-i {
		return nil, 0, ErrTruncated
	}
	// The capacity is cut, so that an append by the caller cannot run into the
	// next field.
	end := i + int(n)
	s := b[i:end:end]
	if !validUTF8(s) {
		return nil, 0, rule.notUTF8
	}
	return s, end, nil
}

// validUTF8 is utf8.Valid with a shorter way for ASCII: the last bytes are
// looked at as one word that overlaps the word before, not one by one.
func validUTF8(s []byte) bool {
	if len(s) < 8 {
		return utf8.Valid(s)
	}
	bits := binary.LittleEndian.Uint64(s[len(s)-8:])
	for rest := s; len(rest) >= 8; rest = rest[8:] {
		bits |= binary.LittleEndian.Uint64(rest)
	}
	return bits&0x8080808080808080 == 0 || utf8.Valid(s)
}

// readByteLong reads the Avro long at b[i:] if it has one byte and is not
// negative, as three of a tweet's five; else next is -1. Unlike readLong it is
// small enough to be inlined.
func readByteLong(b []byte, i int) (v int64, next int) {
	if i < len(b) && b[i]&0x81 == 0 {
		return int64(b[i] >> 1), i + 1
	}
	return 0, -1
}

// readLong reads the Avro long at b[i:] and gives the index after it.
func readLong(b []byte, i int) (int64, int, error) {
	var u uint64
	for shift := uint(0); i < len(b); shift += 7 {
		c := b[i]
		i++
		if c < 0x80 {
			// A last byte of 0 adds nothing: the form is over-long. A tenth
			// byte has room for one bit.
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
