package sentimentwindow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// Whatever the bytes of a batch are, and though their CRC is right, each of its
// records is counted or leaves, and the coverage point says so; or the message
// leaves whole, as it came.
func FuzzRecordBatchMessage(f *testing.F) {
	for _, m := range goldenBatches(f) {
		b, err := m.AsBytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	processors := []*processor{testProcessor(f, batches), testProcessor(f, batches+"emit: tweets\nidentity: source")}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > recordbatch.HeaderSize {
			b = resealed(bytes.Clone(b))
		}
		h, err := recordbatch.ParseHeader(b)
		if err != nil {
			h = recordbatch.Header{}
		}
		for _, p := range processors {
			m := service.NewMessage(b)
			m.MetaSetMut(contract.KafkaTopic, "tweets")
			m.MetaSetMut(contract.KafkaTopicID, [16]byte{1})
			m.MetaSetMut(contract.KafkaPartition, 7)
			m.MetaSetMut(contract.KafkaOffset, int(h.BaseOffset))
			m.MetaSetMut(contract.KafkaLastOffset, int(h.LastOffset()))
			m.MetaSetMut(contract.KafkaBatchRecords, int(h.Records))
			points, refused := process(t, p, m)
			if len(points) == 0 {
				if content, _ := refused[0].AsBytes(); len(refused) != 1 || !bytes.Equal(content, b) {
					t.Fatalf("%d messages leave, the first with the bytes %x", len(refused), content)
				}
				continue
			}
			all := lines(t, points)
			v, _ := points[0].MetaGetMut(contract.Tweets)
			tweets := v.(int)
			sum := 0
			for _, line := range all[:len(all)-1] {
				if p.conf.emit == emitTweets { // a text can have line breaks
					sum = tweets
					break
				}
				_, fields, ok := strings.Cut(line, " count=")
				var n int
				if _, err := fmt.Sscanf(fields, "%di", &n); !ok || err != nil || n < 1 {
					t.Fatalf("a point %q", line)
				}
				sum += n
			}
			if sum != tweets {
				t.Fatalf("the metadata says %d tweets, the points say %d", tweets, sum)
			}
			if tweets+len(refused) != int(h.Records) {
				t.Fatalf("%d tweets are counted, %d records leave, of %d", tweets, len(refused), h.Records)
			}
			if want := fmt.Sprintf("records=%di,counted=%di,undecodable=%di,filtered=0i ", h.Records, tweets, len(refused)); !strings.Contains(all[len(all)-1], want) {
				t.Fatalf("the coverage point %q does not say %q", all[len(all)-1], want)
			}
		}
	})
}
