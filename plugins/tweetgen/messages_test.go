package tweetgen

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// All tweets of a batch have the millisecond in which it was made.
func TestABatchHasOneTimestamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "batch_size: 100\ncount: 300\ninterval: 7ms\nworkers: 1")
		for k, msgs := range readAll(t, in, 0) {
			if len(msgs) != 100 {
				t.Errorf("batch %d has %d messages", k, len(msgs))
			}
			want := time.Now().UnixMilli() - int64(2-k)*7
			for _, m := range msgs {
				b, err := m.AsBytes()
				if err != nil {
					t.Fatal(err)
				}
				var tw tweet.Tweet
				if err := tw.DecodeAvro(b); err != nil || tw.Millis != want {
					t.Fatalf("batch %d: timestamp %d, %v, want %d", k, tw.Millis, err, want)
				}
				if cap(b) != len(b) {
					t.Fatal("a message has room that belongs to the next one")
				}
			}
		}
	})
}

func TestMessagesOfABatchShareABuffer(t *testing.T) {
	c := testConfig(t, "batch_size: 1000")
	in := newTestInput(t, c)
	p, due, _, _ := in.workers.pacer.next()
	m := in.makers[0](p, due)
	if len(m.messages) != 1000 || cap(m.batch.data) > len(m.batch.data)+4*1000+1000 {
		t.Errorf("%d messages, %d bytes in a buffer of %d", len(m.messages), len(m.batch.data), cap(m.batch.data))
	}
}

// If this fails, the output checks the CRC of each generated batch once more.
func TestRecordBatchesAreSealed(t *testing.T) {
	c := testConfig(t, "message: record_batch\nbatch_size: 1000\nmax_batch_bytes: 20KB")
	in := newTestInput(t, c)
	p, due, _, _ := in.workers.pacer.next()
	m := in.makers[0](p, due)
	if len(m.messages) < 2 {
		t.Fatalf("%d record batches", len(m.messages))
	}
	for i, msg := range m.messages {
		content, err := msg.Copy().AsBytes()
		if err != nil || !contract.IsSealed(msg.Copy().Context(), content) {
			t.Errorf("record batch %d is not sealed, %v", i, err)
		}
		if _, err := recordbatch.Check(content); err != nil {
			t.Errorf("record batch %d: %v", i, err)
		}
	}
}
