package recordbatch

import (
	"bytes"
	"testing"
)

// A note that speaks for other bytes than those it was made for would let a
// damaged batch be counted.
func TestCheckedIsOfTheSameMemoryAlone(t *testing.T) {
	batch := []byte("a batch, of which the CRC is right")
	c := NewChecked(batch)
	ctx := c.In(t.Context())
	if CheckedOf(ctx, batch) != c {
		t.Error("the bytes that it was made for are not known")
	}
	for name, other := range map[string][]byte{
		"a copy":         bytes.Clone(batch),
		"the front":      batch[:len(batch)-1],
		"the end":        batch[1:],
		"nothing":        nil,
		"an empty slice": {},
	} {
		if CheckedOf(ctx, other) != nil {
			t.Errorf("%s passes for it", name)
		}
	}
	if CheckedOf(t.Context(), batch) != nil {
		t.Error("a context without a note has one")
	}
	if CheckedOf(NewChecked(bytes.Clone(batch)).In(ctx), batch) != nil {
		t.Error("a second note leaves the first one valid")
	}
	if CheckedOf(NewChecked(nil).In(ctx), nil) != nil {
		t.Error("no bytes pass for checked")
	}
}

// What would break: a reader that was too slow would count bytes of two batches.
func TestCheckedIsOverForAllWhoHaveIt(t *testing.T) {
	batch := []byte("a batch")
	c := NewChecked(batch)
	held := CheckedOf(c.In(t.Context()), batch)
	if held.Over() {
		t.Error("it is over before it has ended")
	}
	c.End()
	if !held.Over() || !CheckedOf(c.In(t.Context()), batch).Over() {
		t.Error("it is not over after its end")
	}
	if CheckedOf(t.Context(), batch).Over() {
		t.Error("bytes that nobody knows are over")
	}
}
