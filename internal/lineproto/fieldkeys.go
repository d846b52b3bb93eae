package lineproto

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// fieldKeys holds the field keys of one line, to find duplicate keys: InfluxDB keeps
// one of the two values and responds 204.
//
// Most lines have few fields, which add compares with each other. The others are left
// to twice.
type fieldKeys struct {
	n     int
	at    [8]span
	quote bool // a key has an escaped quote, which InfluxDB reads as a quote
}

type span struct{ from, to int }

// add adds the key b[from:to], and reports whether it has been added before.
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

// unsure reports whether there may be a duplicate key that add has not found.
func (k *fieldKeys) unsure() bool { return k.n > len(k.at) || k.quote && k.n > 1 }

var seed = maphash.MakeSeed()

// twice reports whether two of the fields have the same key. scanFields must have
// accepted them. It sorts hashes, so its time does not grow with the square of the
// number of fields. The hashes have 64 bits and a random seed: different keys are not
// expected to have the same hash.
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
