package tweetgen

import (
	"math"
	"math/bits"
)

// picker picks an index by weight, in a time that does not depend on how many there are.
type picker struct {
	// ends[i] is the chance, in 2^-32, of an index up to i.
	ends []uint64
	// guide has for the highest bits of a draw the first index that they can pick, so
	// that few of ends are compared.
	guide []uint32
	shift int
}

func newPicker(weights []float64) picker {
	var total, sum float64
	for _, w := range weights {
		total += w
	}
	p := picker{ends: make([]uint64, len(weights))}
	for i, w := range weights {
		sum += w
		p.ends[i] = uint64(sum / total * (1 << 32))
	}
	p.ends[len(weights)-1] = 1 << 32 // despite rounding
	used := 1 + bits.Len(uint(len(weights)-1))
	p.shift = 32 - used
	p.guide = make([]uint32, 1<<used)
	at := uint32(0)
	for b := range p.guide {
		for p.ends[at] <= uint64(b)<<p.shift {
			at++
		}
		p.guide[b] = at
	}
	return p
}

// pick returns the index for a random number.
func (p *picker) pick(draw uint32) int {
	at := int(p.guide[draw>>p.shift])
	for p.ends[at] <= uint64(draw) {
		at++
	}
	return at
}

// zipf returns the weights of n things, of which thing i, from 1, is i to the power of
// exponent times as rare as the first. They are whole numbers, so that their sums are
// the same on every machine.
func zipf(n int, exponent float64) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Round(math.Pow(float64(i+1), -exponent) * (1 << 32))
	}
	return weights
}

// parts are many short byte strings in one piece of memory.
type parts struct {
	bytes []byte
	ends  []uint32
}

// newParts has room for n parts of at most so many bytes.
func newParts(n, most int) parts {
	return parts{bytes: make([]byte, 0, n*most), ends: make([]uint32, 0, n)}
}

func (p *parts) add(part []byte) {
	p.bytes = append(p.bytes, part...)
	p.ends = append(p.ends, uint32(len(p.bytes)))
}

func (p *parts) at(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.bytes[start:p.ends[i]:p.ends[i]]
}

func (p *parts) longest() (n int) {
	for i := range p.ends {
		n = max(n, len(p.at(i)))
	}
	return n
}
