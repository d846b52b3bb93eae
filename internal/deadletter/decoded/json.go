package decoded

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// json decodes one JSON value. A name that occurs twice in an object is an error, as in
// the pipeline.
func (r *Result) json(b []byte) {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	for {
		kind := d.PeekKind()
		if _, values := d.StackIndex(0); d.StackDepth() == 0 && values > 0 {
			if rest := bytes.TrimLeft(b[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
				r.stop(len(b)-len(rest), "", errTrailing)
			}
			return
		}
		var err error
		switch kind {
		case '{', '}', '[', ']':
			_, err = d.ReadToken()
		default:
			err = r.scalar(d)
		}
		if err != nil {
			r.jsonError(b, err)
			return
		}
	}
}

// scalar reads a value that is neither an object nor an array, or the name of a member.
func (r *Result) scalar(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if in, read := d.StackIndex(d.StackDepth()); in == '{' && read%2 == 1 {
		return nil // a name
	}
	text := []byte(raw)
	if raw.Kind() == '"' {
		if text, err = jsontext.AppendUnquote(nil, raw); err != nil {
			return err
		}
	}
	r.add(int(d.InputOffset())-len(raw), string(d.StackPointer()), string(text))
	return nil
}

func (r *Result) jsonError(b []byte, err error) {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		in := ""
		if errors.As(err, &syntax) {
			in = string(syntax.JSONPointer)
		}
		r.stop(len(b), in, errors.New("the bytes end inside the value"))
	case errors.As(err, &syntax):
		r.stop(int(syntax.ByteOffset), string(syntax.JSONPointer), syntax.Err)
	default:
		r.stop(0, "", err)
	}
}
