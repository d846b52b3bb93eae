package tweet

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// CheckJSON refuses JSON that DecodeJSON refuses and that parsers repair: bytes that
// are not UTF-8, half of a surrogate pair, a name that occurs twice in an object, at
// any depth. Repaired, two brands become one. What is not JSON at all passes, for
// the parser to refuse.
func CheckJSON(b []byte) error {
	err := wellFormed(b)
	if err != nil && wellFormed(b, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) == nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	return nil
}

// wellFormed reads the one value in b.
func wellFormed(b []byte, options ...jsontext.Options) error {
	p := jsonParsers.Get().(*jsonParser)
	defer jsonParsers.Put(p)
	p.src = *bytes.NewBuffer(b)
	defer func() { p.src = bytes.Buffer{} }() // let go of b
	p.dec.Reset(&p.src, options...)
	if err := p.dec.SkipValue(); err != nil {
		return err
	}
	if _, err := p.dec.ReadToken(); err != io.EOF {
		return ErrTrailing
	}
	return nil
}
