package tweet

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// CheckJSON rejects JSON that DecodeJSON rejects and that parsers repair: bytes that
// are not UTF-8, half a surrogate pair, a name that occurs twice in an object, at any
// depth. Repairs could make two brands the same. It accepts text that is not JSON,
// which the parser rejects.
func CheckJSON(b []byte) error {
	err := wellFormed(b)
	if err != nil && wellFormed(b, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) == nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	return nil
}

// wellFormed reads the single value in b.
func wellFormed(b []byte, options ...jsontext.Options) error {
	p := jsonParsers.Get().(*jsonParser)
	defer jsonParsers.Put(p)
	p.src = *bytes.NewBuffer(b)
	defer func() { p.src = bytes.Buffer{} }() // drop the reference to b
	p.dec.Reset(&p.src, options...)
	if err := p.dec.SkipValue(); err != nil {
		return err
	}
	if _, err := p.dec.ReadToken(); err != io.EOF {
		return ErrTrailing
	}
	return nil
}
