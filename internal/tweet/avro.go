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
	sentiment, i, err := readLong(b, i)
	if err != nil {
		return err
	}
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

func readString(b []byte, i int, rule *stringRule) ([]byte, int, error) {
	n, i, err := readLong(b, i)
	if err != nil {
		return nil, 0, err
	}
	if err := rule.checkLen(n); err != nil {
		return nil, 0, err
	}
	end := i + int(n)
	if end > len(b) {
		return nil, 0, ErrTruncated
	}
	// The capacity is cut, so that an append by the caller cannot run into the
	// next field.
	s := b[i:end:end]
	if !utf8.Valid(s) {
		return nil, 0, rule.notUTF8
	}
	return s, end, nil
}

// readLong reads the Avro long at b[i:] and gives the index after it. It is
// split so that the form of one byte is inlined: three of a tweet's five.
func readLong(b []byte, i int) (int64, int, error) {
	if i < len(b) && b[i] < 0x80 {
		u := uint64(b[i])
		return int64(u>>1) ^ -int64(u&1), i + 1, nil
	}
	return readLongSlow(b, i)
}

func readLongSlow(b []byte, i int) (int64, int, error) {
	var u uint64
	for shift := uint(0); ; shift += 7 {
		if i >= len(b) {
			return 0, 0, ErrTruncated
		}
		c := b[i]
		i++
		// The tenth byte has room for one bit.
		if shift == 63 && c > 1 {
			return 0, 0, ErrVarint
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if c == 0 && shift > 0 {
				return 0, 0, ErrVarint
			}
			return int64(u>>1) ^ -int64(u&1), i, nil
		}
	}
}
