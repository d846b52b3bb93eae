package recordbatch

import (
	"bytes"
	"testing"
)

// A note that speaks for other bytes than those it was made for would let a
// damaged batch be counted.
func TestCheckedIsOfTheSameMemoryAlone(t *testing.T) {
	batch := []byte("a batch, of which the CRC is right")
	ctx := WithChecked(t.Context(), batch)
	if !Checked(ctx, batch) {
		t.Error("the bytes that it was called for are not known")
	}
	for name, other := range map[string][]byte{
		"a copy":         bytes.Clone(batch),
		"the front":      batch[:len(batch)-1],
		"the end":        batch[1:],
		"nothing":        nil,
		"an empty slice": {},
	} {
		if Checked(ctx, other) {
			t.Errorf("%s passes for it", name)
		}
	}
	if Checked(t.Context(), batch) {
		t.Error("a context without a note has one")
	}
	if again := WithChecked(ctx, bytes.Clone(batch)); Checked(again, batch) {
		t.Error("a second note leaves the first one valid")
	}
}
