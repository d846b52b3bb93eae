package fetch

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// maxCorrupt is how often a corrupt batch is fetched again before it is taken to be
// corrupt in the log.
const maxCorrupt = 3

// scan goes through the batches of one partition in a response, up to the last
// stable offset, and delivers those that have records of committed transactions or
// of none.
func (f *fetcher) scan(c *track.Claim, got *kmsg.FetchResponseTopicPartition) {
	aborted := make([]abortedTransaction, len(got.AbortedTransactions))
	for i, t := range got.AbortedTransactions {
		aborted[i] = abortedTransaction{t.ProducerID, t.FirstOffset}
	}
	s := scan{
		fetcher:      f,
		claim:        c,
		at:           c.At,
		transactions: newTransactions(aborted),
		stable:       got.LastStableOffset,
	}
	for rest := got.RecordBatches; ; {
		var b []byte
		var h recordbatch.Header
		var err error
		h, b, rest, err = recordbatch.Next(rest)
		if err == nil {
			err = s.next(h, b)
		}
		if err != nil {
			s.end(h, len(got.RecordBatches), err)
			return
		}
	}
}

type scan struct {
	fetcher      *fetcher
	claim        *track.Claim
	at           track.Position
	transactions *transactions
	stable       int64 // -1 if the broker does not say
	seen         int   // batches
}

// ErrNotFetched ends a scan where nothing is wrong: the partition is not to be
// fetched further now.
var ErrNotFetched = errors.New("the partition is not to be fetched further now")

// next delivers one batch, or passes over it.
func (s *scan) next(h recordbatch.Header, b []byte) error {
	if s.stable >= 0 && h.BaseOffset >= s.stable {
		return ErrNotFetched
	}
	end := track.Position{Offset: h.LastOffset() + 1, Epoch: h.LeaderEpoch, Time: writtenAt(h, time.Now())}
	if end.Offset <= s.at.Offset {
		// It is before what was requested. But where a broker lists a transaction
		// that was aborted there, its marker must be seen, or the next transaction
		// of the same producer is taken to be aborted.
		_, _ = s.kind(h, b)
		s.seen++
		return nil
	}
	// Only the first may begin before what was requested: it comes whole.
	if s.seen > 0 && h.BaseOffset < s.at.Offset {
		return fmt.Errorf("%w: the batch at offset %d begins before offset %d, where the one before it ends", recordbatch.ErrCorrupt, h.BaseOffset, s.at.Offset)
	}
	kind, err := s.kind(h, b)
	if err != nil {
		return err
	}
	if kind == kindData && h.Records > 0 {
		err = s.deliver(Batch{Header: h, Bytes: b, End: end})
	} else {
		if kind == kindAborted {
			s.fetcher.all.owner.Aborted(int(h.Records))
		}
		if !s.claim.Skip(end) {
			err = ErrNotFetched
		}
	}
	if err != nil {
		return err
	}
	s.claim.Corrupt = 0
	s.at = end
	s.seen++
	return nil
}

// deliver passes a batch to the owner, as soon as there is room for it.
func (s *scan) deliver(b Batch) error {
	all := s.fetcher.all
	if s.claim.Full() || all.conf.Room(all.ctx) != nil {
		return ErrNotFetched
	}
	return all.owner.Deliver(s.claim, b)
}

func (s *scan) kind(h recordbatch.Header, b []byte) (batchKind, error) {
	t := transactionalBatch{
		producer:      h.ProducerID,
		last:          h.LastOffset(),
		transactional: h.Transactional(),
		control:       h.Control(),
	}
	if t.control {
		marker, err := recordbatch.ControlTypeOf(b)
		if err != nil {
			return kindControl, err
		}
		t.aborts = marker == recordbatch.ControlAbort
	}
	return s.transactions.next(t), nil
}

// end decides what the end of a scan means: h is the header of the batch that it
// ended at, if there is one.
func (s *scan) end(h recordbatch.Header, fetched int, err error) {
	c, conf, owner := s.claim, &s.fetcher.all.conf, s.fetcher.all.owner
	if !c.Current() {
		return
	}
	fault := Fault{Offset: s.at.Offset, Header: h, Err: err}
	limit := conf.MaxBatchBytes
	switch {
	case errors.Is(err, ErrNotFetched), errors.Is(err, io.EOF):
		c.MaxBytes = conf.PartitionMaxBytes
	case errors.Is(err, recordbatch.ErrPartial):
		if s.seen > 0 {
			c.MaxBytes = conf.PartitionMaxBytes
			return
		}
		// There is nothing but the beginning of a batch. Others in the response
		// left no room for it, or more must be requested.
		if h.Size() > int(limit) {
			fault.Err = fmt.Errorf("%w: it has %d bytes", recordbatch.ErrTooLarge, h.Size())
			owner.Stop(c, fault)
			return
		}
		c.First = true // the first comes whole
		c.MaxBytes = min(max(c.MaxBytes, int32(min(2*fetched, int(limit))), int32(max(0, h.Size()))), max(limit, conf.PartitionMaxBytes))
	case errors.Is(err, recordbatch.ErrCorrupt) && !errors.Is(err, recordbatch.ErrTooLarge) && c.Corrupt < maxCorrupt:
		c.Corrupt++
		c.Pause(time.Now())
		owner.Corrupt(c, fault)
	default:
		owner.Stop(c, fault)
	}
}

// writtenAt returns when the newest record of a batch was written, in milliseconds. If
// that is unknown (-1) or in the future, it returns the time of the first record or, if
// that is not known either, of the fetch.
func writtenAt(h recordbatch.Header, now time.Time) int64 {
	for _, millis := range []int64{h.MaxTimestamp, h.FirstTimestamp} {
		if millis >= 0 && millis <= now.UnixMilli() {
			return millis
		}
	}
	return now.UnixMilli()
}
