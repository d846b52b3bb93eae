package tweetgen

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// Batch k draws from PCG streams seeded with the seed and k. The constants separate
// streams for different purposes.
const (
	mixStream     = 0x6d69782073747265
	contentStream = 0x636f6e74656e7420
	idStream      = 0x69642073747265ff
	keyStream     = 0x6b65797320737472
	headerStream  = 0x6865616465727320
	fillStream    = 0x66696c6c20737472
	flawStream    = 0x666c617773207374
)

// randomBelow returns a number from 0 to n-1, n > 0. It multiplies instead of
// rejecting, with a bias below n in 2^64.
func randomBelow(random *rand.PCG, n uint64) uint64 {
	high, _ := bits.Mul64(random.Uint64(), n)
	return high
}

// The number of a tweet, k and i combined, has 62 bits: as many as are free in the
// second half of a UUID of version 4.
const (
	indexBits    = 20
	maxBatchSize = 1 << indexBits
	maxBatches   = 1 << (62 - indexBits)
	mask62       = 1<<62 - 1
)

// ids gives every tweet of a seed a unique UUID. The second half is a permutation of
// the tweet's number, so no two are equal. The first half is random, so the ids of
// other seeds differ too.
type ids struct{ key uint64 }

func newIDs(seed uint64) ids {
	var random rand.PCG
	random.Seed(seed, idStream)
	return ids{key: random.Uint64()}
}

// of returns the two halves of the id of tweet i of batch k. Every step of the
// permutation is invertible on 62 bits: addition, multiplication by an odd number, xor
// of the high bits into the low ones.
func (g ids) of(k int64, i int, random uint64) (high, low uint64) {
	n := (uint64(k)<<indexBits | uint64(i)) + g.key
	n = ((n & mask62) * 0xbf58476d1ce4e5b9) & mask62
	n ^= n >> 31
	n = (n * 0x94d049bb133111eb) & mask62
	n ^= n >> 29
	return random&^0xF000 | 0x4000, n | 1<<63
}

const uuidBytes = 36

// putUUID writes the canonical text of a UUID into the first 36 bytes of dst, eight digits
// at a time: a table of digits took a sixth of the time of generating and sending a tweet.
func putUUID(dst []byte, high, low uint64) {
	_ = dst[uuidBytes-1]
	le := binary.LittleEndian
	le.PutUint64(dst, digitsOf(uint32(high>>32)))
	dst[8] = '-'
	middle := digitsOf(uint32(high))
	le.PutUint32(dst[9:], uint32(middle))
	dst[13] = '-'
	le.PutUint32(dst[14:], uint32(middle>>32))
	dst[18] = '-'
	middle = digitsOf(uint32(low >> 32))
	le.PutUint32(dst[19:], uint32(middle))
	dst[23] = '-'
	le.PutUint32(dst[24:], uint32(middle>>32))
	le.PutUint64(dst[28:], digitsOf(uint32(low)))
}

// digitsOf returns the eight digits of v, the first one in the lowest byte.
func digitsOf(v uint32) uint64 {
	const (
		ones   = 0x0101010101010101
		letter = 'a' - '0' - 10
	)
	x := uint64(bits.ReverseBytes32(v))
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x >> 4 & 0x000f000f000f000f) | (x&0x000f000f000f000f)<<8 // a digit in each byte
	letters := (x + 6*ones) >> 4 & ones                           // 1 where it is above 9
	return x + '0'*ones + letters*letter
}

const hexDigits = "0123456789abcdef"
