package produce

import (
	"math/bits"
	"sync"
)

// buffer is memory of a batch. It is put back once nobody can read it: a request that was
// cut short may return while the client still reads the bytes.
type buffer struct {
	bytes    []byte
	borrowed bool // of a message, which is only read
}

// buffers are kept by size, in powers of two from 4 KiB to 128 MiB, so that the batches of
// a partition with little traffic do not occupy the memory of large ones.
type buffers struct{ classes [16]sync.Pool }

const smallest = 12 // bits: 4 KiB

// get returns an empty buffer with room for size bytes.
func (b *buffers) get(size int) *buffer {
	c := max(0, bits.Len(uint(max(size, 1)-1))-smallest)
	if c >= len(b.classes) {
		return &buffer{bytes: make([]byte, 0, size)}
	}
	if kept, ok := b.classes[c].Get().(*buffer); ok {
		return kept
	}
	return &buffer{bytes: make([]byte, 0, 1<<(smallest+c))}
}

// put takes a buffer back, whose bytes may have grown since get. It belongs to the largest
// class that it can serve.
func (b *buffers) put(buf *buffer) {
	if buf == nil || buf.borrowed || cap(buf.bytes) < 1<<smallest {
		return
	}
	buf.bytes = buf.bytes[:0]
	if c := bits.Len(uint(cap(buf.bytes))) - 1 - smallest; c < len(b.classes) {
		b.classes[c].Put(buf)
	}
}
