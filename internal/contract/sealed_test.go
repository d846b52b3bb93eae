package contract

import (
	"bytes"
	"testing"
)

// If this fails, a record batch that a processor has replaced is sent without a check of
// its CRC.
func TestSealedIsOnlyTheVeryMemory(t *testing.T) {
	batch := []byte("a record batch")
	ctx := WithSealed(t.Context(), batch)
	if !IsSealed(ctx, batch) {
		t.Error("the batch is not sealed")
	}
	for name, content := range map[string][]byte{"a copy": bytes.Clone(batch), "a part": batch[:5], "another part": batch[1:], "nothing": {}} {
		if IsSealed(ctx, content) {
			t.Errorf("%s is sealed", name)
		}
	}
	if IsSealed(t.Context(), batch) || IsSealed(WithSealed(t.Context(), nil), nil) {
		t.Error("a batch that nobody has sealed is sealed")
	}
}
