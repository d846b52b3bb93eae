package lineproto

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// fieldKeys are the field keys of one line, to find a key that comes twice: InfluxDB
// keeps one of the two values and answers 204.
//
// The first few are compared with each other as they come, and most lines have no
// more. The others are left to twice, when the fields have ended.
type fieldKeys struct {
	n     int
	at    [8]span
	quote bool // a key has an escaped quote, which to InfluxDB is a plain one
}

type span struct{ from, to int }

// add notes the key b[from:to], and reports whether it is the same as one before.
func (k *fieldKeys) add(b []byte, from, to int) bool {
	n := k.n
	k.n++
	if n >= len(k.at) {
		return false
	}
	for _, other := range k.at[:n] {
		if string(b[other.from:other.to]) == string(b[from:to]) {
			return true
		}
	}
	k.at[n] = span{from, to}
	return false
}

// unsure reports whether add may have missed a key that comes twice.
func (k *fieldKeys) unsure() bool { return k.n > len(k.at) || k.quote && k.n > 1 }

var seed = maphash.MakeSeed()

// twice reports whether two of the fields, in which scanFields has found nothing
// wrong, have the same key. It sorts hashes, so that a line with very many fields
// costs no more than a little more for each. That two keys share a hash of 64 bits
// by chance is not to be expected, and the seed is secret.
func twice(fields []byte) bool {
	var room [128]uint64
	hashes := room[:0]
	for i := 0; i < len(fields); i++ { // past the comma
		from, quote := i, false
		for ; fields[i] != '='; i++ {
			if fields[i] == '\\' {
				i++
				quote = quote || fields[i] == '"'
			}
		}
		key := fields[from:i]
		if quote {
			key = bytes.ReplaceAll(key, []byte(`\"`), []byte(`"`))
		}
		hashes = append(hashes, maphash.Bytes(seed, key))
		if i++; fields[i] == '"' {
			i = stringEnd(fields, i+1)
		}
		for i < len(fields) && fields[i] != ',' {
			i++
		}
	}
	slices.Sort(hashes)
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] {
			return true
		}
	}
	return false
}
