package recordbatch

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/pierrec/lz4/v4"
)

// source is a codec that reads from one stream and then from another.
type source interface {
	io.Reader
	reset(src []byte) error
}

type gzipReader struct {
	gzip.Reader
	src bytes.Reader
}

func (g *gzipReader) reset(src []byte) error {
	g.src.Reset(src)
	return g.Reset(&g.src)
}

type lz4Reader struct {
	*lz4.Reader
	src bytes.Reader
}

func (l *lz4Reader) reset(src []byte) error {
	l.src.Reset(src)
	l.Reset(&l.src)
	return nil
}

func (d *Decompressor) gzipSource() source {
	if d.gzip == nil {
		d.gzip = new(gzipReader)
	}
	return d.gzip
}

func (d *Decompressor) lz4Source() source {
	if d.lz4 == nil {
		d.lz4 = &lz4Reader{Reader: lz4.NewReader(nil)}
	}
	return d.lz4
}

// appendStream goes through the buffer, because neither gzip nor lz4 as Kafka's
// producers write them say how much will come: a dst that is grown on the way
// would be left up to twice as large as its message.
func (d *Decompressor) appendStream(dst, src []byte, codec source, room int) ([]byte, error) {
	if err := codec.reset(src); err != nil {
		return dst, err
	}
	buf := d.scratch(4*len(src), room)
	for {
		if len(buf) == cap(buf) {
			if len(buf) >= room {
				// Full to the byte: one more, or the checks of the end.
				var one [1]byte
				if _, err := io.ReadFull(codec, one[:]); err == nil {
					return dst, ErrTooLarge
				} else if !errors.Is(err, io.EOF) {
					return dst, err
				}
				break
			}
			d.buf = buf
			buf = append(make([]byte, 0, min(2*cap(buf), room)), buf...)
			d.buf = buf
		}
		n, err := codec.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return dst, err
		}
	}
	return appendExactly(dst, buf), nil
}
