package recordbatch

import "iter"

// RecordHeaders are the headers of a record as encoded in the batch, without their
// count: for each the length and bytes of its key, then those of its value. Nil if
// there are none. Those of a Record from a Reader are well formed.
type RecordHeaders []byte

// All yields key and value of each header in order. A nil value is null. A key may
// occur more than once. It ends early if h is malformed.
func (h RecordHeaders) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for b := []byte(h); len(b) > 0; {
			key, value, rest, err := nextHeader(b)
			if err != nil || !yield(key, value) {
				return
			}
			b = rest
		}
	}
}

// Len returns the number of headers.
func (h RecordHeaders) Len() int {
	n := 0
	for range h.All() {
		n++
	}
	return n
}

// Append appends a header. A nil value is null.
func (h RecordHeaders) Append(key string, value []byte) RecordHeaders {
	h = appendVarint(h, int64(len(key)))
	h = append(h, key...)
	return appendNullable(h, value)
}

// headersOf checks the end of a record, the count of its headers and the headers
// themselves, and returns the headers.
func headersOf(b []byte) (RecordHeaders, error) {
	count, n := varint(b)
	if n <= 0 {
		return nil, varintError(n)
	}
	if count < 0 {
		return nil, errHeaders
	}
	headers := b[n:]
	b = headers
	for range count {
		_, _, rest, err := nextHeader(b)
		if err != nil {
			return nil, err
		}
		b = rest
	}
	if len(b) > 0 {
		return nil, errRecordTail
	}
	if count == 0 {
		return nil, nil
	}
	return headers[:len(headers):len(headers)], nil
}

func nextHeader(b []byte) (key, value, rest []byte, err error) {
	if key, b, err = nullable(b); err != nil {
		return nil, nil, nil, err
	}
	if key == nil {
		return nil, nil, nil, errHeaderKey
	}
	value, rest, err = nullable(b)
	return key, value, rest, err
}

func appendNullable(dst, field []byte) []byte {
	if field == nil {
		return appendVarint(dst, -1)
	}
	dst = appendVarint(dst, int64(len(field)))
	return append(dst, field...)
}
