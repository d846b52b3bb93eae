package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Next splits the first batch off b, the records of one partition in a fetch response.
// It checks the magic, the header and the CRC-32C, but not the records or their
// decompressed size. batch and rest alias b.
//
// At the end of b the error is io.EOF. ErrPartial means that b is the beginning of a
// truncated batch: fetch again from there. h is then the header if b contains all of
// it, so that h.Size tells how much to request, and otherwise zero. After any error
// rest is b.
func Next(b []byte) (h Header, batch, rest []byte, err error) {
	if len(b) == 0 {
		return Header{}, nil, b, io.EOF
	}
	h, err = ParseHeader(b)
	if err != nil {
		return h, nil, b, err
	}
	size := h.Size()
	if len(b) < size {
		return h, nil, b, ErrPartial
	}
	if err := checkCRC(h, b[:size]); err != nil {
		return h, nil, b, err
	}
	return h, b[:size:size], b[size:], nil
}

// Check is Next for a single batch, as in a message or a file: it must be whole, and
// nothing may follow it.
func Check(batch []byte) (Header, error) {
	h, err := parseWhole(batch)
	if err != nil {
		return h, err
	}
	return h, checkCRC(h, batch)
}

// parseWhole reads the header of a batch that must be all of b.
func parseWhole(b []byte) (Header, error) {
	h, err := ParseHeader(b)
	switch {
	case err != nil:
		return h, err
	case len(b) < h.Size():
		return h, ErrPartial
	case len(b) > h.Size():
		return h, fmt.Errorf("%w: %d bytes follow the batch at offset %d", ErrCorrupt, len(b)-h.Size(), h.BaseOffset)
	}
	return h, nil
}

func checkCRC(h Header, batch []byte) error {
	if got := crc32.Checksum(batch[atAttributes:], castagnoli); got != h.CRC {
		return crcError(h, got)
	}
	return nil
}

func crcError(h Header, got uint32) error {
	return fmt.Errorf("%w: %08x instead of %08x at offset %d", ErrCRC, got, h.CRC, h.BaseOffset)
}

// seal sets the length and the CRC of the batch b.
func seal(b []byte) {
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-lengthEnd))
	binary.BigEndian.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
}
