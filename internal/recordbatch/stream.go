package recordbatch

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// stream is a codec that reads one stream after the other.
type stream interface {
	io.Reader
	// open begins to read src.
	open(src []byte) error
	// release drops the reference to the argument of open: a fetch response is many
	// times as large as a batch in it.
	release()
}

type gzipStream struct {
	gzip.Reader
	src bytes.Reader
}

func (g *gzipStream) open(src []byte) error {
	g.src.Reset(src)
	return g.Reset(&g.src)
}

func (g *gzipStream) release() { g.src.Reset(nil) }

func (d *Decompressor) gzipStream() stream {
	if d.gzipState == nil {
		d.gzipState = new(gzipStream)
	}
	return d.gzipState
}

// stream is for gzip, and for lz4 frames that lz4 does not read: they do not declare
// their size.
func (d *Decompressor) stream(src []byte, codec stream, room int) ([]byte, error) {
	defer codec.release()
	if err := codec.open(src); err != nil {
		return nil, noEOF(err)
	}
	for buf := d.scratch(4*len(src), room); ; {
		if len(buf) == room {
			if err := atEnd(codec); err != nil {
				return nil, err
			}
			return buf, nil
		}
		buf = d.grow(buf, 1, room)
		n, err := codec.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// atEnd reads the end of a stream, which contains its checksums, after the last allowed
// byte.
func atEnd(r io.Reader) error {
	var one [1]byte
	for {
		n, err := r.Read(one[:])
		switch {
		case n > 0:
			return ErrTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// noEOF prevents the end of the bytes before a stream's header from looking like the
// end of a batch walk.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
