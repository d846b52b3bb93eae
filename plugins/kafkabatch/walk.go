package kafkabatch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// maxCorrupt is how often a batch that is corrupt is fetched again before it is
// taken to be so in the log.
const maxCorrupt = 3

// walk goes through the batches of one partition in a response, up to the last
// stable offset, and puts those into the queue that have records of committed
// transactions or of none.
func (f *fetcher) walk(a ask, got *kmsg.FetchResponseTopicPartition) {
	aborted := make([]abortedTransaction, len(got.AbortedTransactions))
	for i, t := range got.AbortedTransactions {
		aborted[i] = abortedTransaction{t.ProducerID, t.FirstOffset}
	}
	w := walk{
		fetcher:      f,
		partition:    a.partition,
		at:           a.position,
		transactions: newTransactions(aborted),
		stable:       got.LastStableOffset,
	}
	for rest := got.RecordBatches; ; {
		var b []byte
		var h recordbatch.Header
		var err error
		h, b, rest, err = recordbatch.Next(rest)
		if err == nil {
			err = w.next(h, b)
		}
		if err != nil {
			w.end(h, len(got.RecordBatches), err)
			return
		}
	}
}

type walk struct {
	fetcher      *fetcher
	partition    *partition
	at           position
	transactions *transactions
	stable       int64 // -1 if the broker does not say
	taken        int   // batches
}

// errWalkOver ends a walk where nothing is wrong.
var errWalkOver = errors.New("the walk is over")

// next takes one batch.
func (w *walk) next(h recordbatch.Header, b []byte) error {
	if w.stable >= 0 && h.BaseOffset >= w.stable {
		return errWalkOver
	}
	end := position{offset: h.LastOffset() + 1, epoch: h.LeaderEpoch, time: writtenAt(h, time.Now())}
	if end.offset <= w.at.offset {
		// It lies before what was asked for. But where a broker lists a transaction
		// that was aborted there, its marker must be seen, or the next transaction
		// of the same producer passes for aborted.
		_, _ = w.kind(h, b)
		w.taken++
		return nil
	}
	// Only the first may begin before what was asked for: it comes whole.
	if w.taken > 0 && h.BaseOffset < w.at.offset {
		return fmt.Errorf("%w: the batch at offset %d begins before offset %d, where the one before it ends", recordbatch.ErrCorrupt, h.BaseOffset, w.at.offset)
	}
	kind, err := w.kind(h, b)
	if err != nil {
		return err
	}
	if kind == kindData && h.Records > 0 {
		if w.full() {
			return errWalkOver
		}
		err = w.handOn(h, b, end)
	} else {
		if kind == kindAborted {
			w.fetcher.session.metrics.aborted.Incr(int64(h.Records))
		}
		err = w.advance(end, func(p *partition) { p.acked.skip(end) })
	}
	if err == nil {
		w.at = end
		w.taken++
	}
	return err
}

func (w *walk) kind(h recordbatch.Header, b []byte) (batchKind, error) {
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
	return w.transactions.next(t), nil
}

// handOn queues a batch, as soon as there is room for it.
func (w *walk) handOn(h recordbatch.Header, b []byte, end position) error {
	s := w.fetcher.session
	if err := s.budget.Wait(s.ctx); err != nil {
		return errWalkOver
	}
	one := &batch{partition: w.partition, header: h}
	var err error
	if one.bytes, one.becomes, err = w.fetcher.content(b); err != nil {
		return err
	}
	return w.advance(end, func(p *partition) {
		s.budget.Charge(one.size())
		one.number = p.acked.add(end)
		p.load.add(one)
		s.queue = append(s.queue, one)
		signal(s.ready)
	})
}

// maxMessagesBytes is how many times max_batch_bytes the messages of a batch may
// take: one of a megabyte can be of millions of records, each a message.
const maxMessagesBytes = 8

// content returns the bytes of a batch as they are delivered, in memory of their
// own: of those of the response, which is many times as large, nothing is kept.
func (f *fetcher) content(b []byte) (content []byte, becomes int64, err error) {
	conf := f.session.conf
	if conf.emit == emitRecords {
		if content, err = f.decompressor.AppendUncompressed(nil, b); err != nil {
			return nil, 0, err
		}
		// A record that cannot be read must stop the partition here: delivered it
		// would be redelivered for ever.
		becomes, err = checkRecords(content)
		if most := maxMessagesBytes * int64(conf.maxBatchBytes); err == nil && becomes > most {
			err = fmt.Errorf("%w: its messages would take %d bytes", recordbatch.ErrTooLarge, becomes)
		}
		return content, becomes, err
	}
	if len(b) > int(conf.maxBatchBytes) {
		return nil, 0, fmt.Errorf("%w: it has %d bytes", recordbatch.ErrTooLarge, len(b))
	}
	return bytes.Clone(b), 0, nil
}

func (w *walk) full() bool {
	s := w.fetcher.session
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full(w.partition)
}

// advance moves the partition on, unless it is not ours any more.
func (w *walk) advance(end position, add func(*partition)) error {
	s, p := w.fetcher.session, w.partition
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.lost || p.phase != phaseFetch {
		return errWalkOver
	}
	add(p)
	p.next = end
	p.corrupt = 0
	return nil
}

// end takes in why the walk ended: h is the header of the batch that it ended
// at, if there is one.
func (w *walk) end(h recordbatch.Header, fetched int, err error) {
	s, p := w.fetcher.session, w.partition
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.lost || p.phase != phaseFetch {
		return
	}
	limit := s.conf.maxBatchBytes
	switch {
	case errors.Is(err, errWalkOver), errors.Is(err, io.EOF):
		p.maxBytes = s.conf.partitionMaxBytes
	case errors.Is(err, recordbatch.ErrPartial):
		if w.taken > 0 {
			p.maxBytes = s.conf.partitionMaxBytes
			return
		}
		// Nothing came but the beginning of a batch. Others in the response
		// left no room for it, or more must be asked for.
		if h.Size() > int(limit) {
			s.halt(p, "too_large", w.tooLarge(h))
			return
		}
		p.turn = 0 // first in the next request: the first comes whole
		p.maxBytes = min(max(p.maxBytes, int32(min(2*fetched, int(limit))), int32(max(0, h.Size()))), max(limit, s.conf.partitionMaxBytes))
	case errors.Is(err, recordbatch.ErrTooLarge):
		s.halt(p, "too_large", w.tooLarge(h))
	case p.corrupt < maxCorrupt && errors.Is(err, recordbatch.ErrCorrupt):
		p.corrupt++
		p.pause(time.Now())
		s.metrics.errors.Incr(1, "corrupt")
		s.logAt(p, w.at.offset).Warnf("Partition %d of %s: what came for offset %d is fetched again: %v", p.partition, p.topic, w.at.offset, err)
	default:
		s.halt(p, "corrupt", fmt.Errorf("the batch at offset %d cannot be read: %w. "+
			"Choose: (1) repair the partition from another replica; (2) skip the batch, whose records are then missing, by setting the offset of the group %s in this partition with kafka-consumer-groups --reset-offsets",
			w.at.offset, err, s.conf.group))
	}
}

func (w *walk) tooLarge(h recordbatch.Header) error {
	conf, decompressed := w.fetcher.session.conf, ""
	if conf.emit == emitRecords {
		decompressed = fmt.Sprintf(" once it is decompressed, or than %d times that as messages", maxMessagesBytes)
	}
	return fmt.Errorf("the batch at offset %d, of %s with %s compression, is larger than `%s` of %s%s: raise that and restart",
		w.at.offset, humanize.IBytes(uint64(max(0, h.Size()))), h.Codec(), fieldMaxBatchBytes, humanize.IBytes(uint64(conf.maxBatchBytes)), decompressed)
}
