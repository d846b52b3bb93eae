package decoded

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// line decodes lines of InfluxDB's line protocol, by InfluxData's own decoder. It does
// not say where a value begins.
func (r *Result) line(b []byte) {
	lines := lineprotocol.NewDecoderWithBytes(b)
	for lines.Next() {
		if in, err := r.point(lines); err != nil {
			r.stop(lineError(b, err), in, unwrapped(err))
			return
		}
	}
	if err := lines.Err(); err != nil {
		r.stop(lineError(b, err), "", unwrapped(err))
	} else if len(r.Values) == 0 {
		r.stop(0, "", errors.New("there is no line"))
	}
}

func (r *Result) point(line *lineprotocol.Decoder) (in string, err error) {
	name, err := line.Measurement()
	if err != nil {
		return "the measurement", err
	}
	r.add(-1, "measurement", string(name))
	last := "the tags"
	for {
		key, value, err := line.NextTag()
		if err != nil {
			return last, err
		}
		if key == nil {
			break
		}
		r.add(-1, "tag "+string(key), string(value))
		last = "what follows the tag " + string(key)
	}
	last = "the fields"
	for {
		key, value, err := line.NextField()
		if err != nil {
			return last, err
		}
		if key == nil {
			break
		}
		r.add(-1, "field "+string(key), fmt.Sprintf("%v (%s)", value.Interface(), value.Kind()))
		last = "what follows the field " + string(key)
	}
	at, err := line.TimeBytes()
	if err != nil {
		return "the timestamp", err
	}
	r.add(-1, "timestamp", string(at))
	return "", nil
}

// lineError returns the byte that an error is about.
func lineError(b []byte, err error) int {
	var at *lineprotocol.DecodeError
	if !errors.As(err, &at) {
		return 0
	}
	start := 0
	for range at.Line - 1 {
		next := bytes.IndexByte(b[start:], '\n')
		if next < 0 {
			break
		}
		start += next + 1
	}
	return min(start+max(at.Column-1, 0), len(b))
}

func unwrapped(err error) error {
	var at *lineprotocol.DecodeError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
