package produce

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// If this fails, a codec makes a batch that does not compress larger than MaxBatchBytes: a
// topic with that limit refuses it, and with acks 0 its records are lost.
func TestABatchThatDoesNotCompressIsWithinItsBound(t *testing.T) {
	for _, codec := range []recordbatch.Codec{recordbatch.None, recordbatch.Gzip, recordbatch.Snappy, recordbatch.LZ4, recordbatch.Zstd} {
		synctest.Test(t, func(t *testing.T) {
			s, p := simulated(t, 1, func(c *Config) { c.Codec, c.MaxBatchBytes = codec, 1<<20 })
			bytes := make([]byte, 1<<20-recordbatch.HeaderSize-recordbatch.MaxRecordSize(0, 0, 0))
			_, _ = rand.NewChaCha8([32]byte{}).Read(bytes)
			half := len(bytes)/2 - recordbatch.MaxRecordSize(0, 0, 0)
			for _, values := range [][]string{{string(bytes)}, {string(bytes[:half]), string(bytes[half : 2*half])}} {
				if refusals, err := write(t.Context(), p, "a", values...); err != nil || len(refusals) > 0 {
					t.Errorf("%s, %d records: %v, %v", codec, len(values), refusals, err)
				}
			}
			if n := s.topics["a"].partitions[0].attempts; n != 2 {
				t.Errorf("%s: %d batches were sent, want 2", codec, n)
			}
		})
	}
}
