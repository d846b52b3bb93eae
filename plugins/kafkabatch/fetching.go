package kafkabatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/fetch"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

func (s *session) fetchConfig() fetch.Config {
	return fetch.Config{
		Request: func(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error) {
			return s.client.Broker(int(broker)).Request(ctx, req)
		},
		Room:              s.budget.Wait,
		MaxWait:           s.conf.fetchMaxWait,
		MinBytes:          s.conf.fetchMinBytes,
		MaxBytes:          s.conf.fetchMaxBytes,
		PartitionMaxBytes: s.conf.partitionMaxBytes,
		MaxBatchBytes:     s.conf.maxBatchBytes,
		Rack:              s.conf.rack,
	}
}

// fetchOwner enqueues what is fetched, and reports what cannot be fetched.
type fetchOwner struct {
	conf   *config
	report *report
	stale  func()

	decompressors sync.Pool // of *recordbatch.Decompressor, with emit: records
}

// Deliver enqueues a batch in memory of its own: nothing of the response is kept,
// which is many times as large.
func (o *fetchOwner) Deliver(c *track.Claim, got fetch.Batch) error {
	b := &track.Batch{Header: got.Header}
	var err error
	if o.conf.emit == emitRecords {
		b.Bytes, b.Becomes, err = o.records(got.Bytes)
	} else {
		b.Bytes, err = o.whole(got.Bytes)
	}
	if err != nil {
		return err
	}
	if !c.Enqueue(b, got.End) {
		return fetch.ErrNotFetched
	}
	o.report.skew.add(c.ID, int64(got.Header.Records))
	return nil
}

// whole returns a batch as in the log.
func (o *fetchOwner) whole(b []byte) ([]byte, error) {
	if len(b) > int(o.conf.maxBatchBytes) {
		return nil, fmt.Errorf("%w: it has %d bytes", recordbatch.ErrTooLarge, len(b))
	}
	return bytes.Clone(b), nil
}

// maxMessagesBytes is how many times max_batch_bytes the messages of a batch may
// take: one of a megabyte can be of millions of records, each a message.
const maxMessagesBytes = 8

// records returns a batch decompressed, and what its messages take besides.
func (o *fetchOwner) records(b []byte) (content []byte, becomes int64, err error) {
	d, _ := o.decompressors.Get().(*recordbatch.Decompressor)
	if d == nil {
		d = recordbatch.NewDecompressor(int(o.conf.maxBatchBytes))
	}
	defer o.decompressors.Put(d)
	if content, err = d.AppendUncompressed(nil, b); err != nil {
		return nil, 0, err
	}
	// A record that cannot be read must stop the partition here: delivered it would be
	// redelivered indefinitely.
	becomes, err = checkRecords(content)
	if most := maxMessagesBytes * int64(o.conf.maxBatchBytes); err == nil && becomes > most {
		err = fmt.Errorf("%w: its messages would take %d bytes", recordbatch.ErrTooLarge, becomes)
	}
	return content, becomes, err
}

func (o *fetchOwner) Aborted(records int) { o.report.metrics.aborted.Incr(int64(records)) }
func (o *fetchOwner) Responded(bytes int) { o.report.metrics.fetched.Incr(int64(bytes)) }
func (o *fetchOwner) StaleMetadata()      { o.stale() }

// Stop stops a partition at a batch that cannot be delivered.
func (o *fetchOwner) Stop(c *track.Claim, at fetch.Fault) {
	if errors.Is(at.Err, recordbatch.ErrTooLarge) {
		o.report.stop(c.Partition, "too_large", o.conf.errTooLarge(at))
		return
	}
	o.report.stop(c.Partition, "corrupt", fmt.Errorf("the batch at offset %d cannot be read: %w. "+
		"Choose: (1) repair the partition from another replica; (2) skip the batch, whose records are then missing, by setting the offset of the group %s in this partition with kafka-consumer-groups --reset-offsets",
		at.Offset, at.Err, o.conf.group))
}

func (c *config) errTooLarge(at fetch.Fault) error {
	decompressed := ""
	if c.emit == emitRecords {
		decompressed = fmt.Sprintf(" once it is decompressed, or than %d times that as messages", maxMessagesBytes)
	}
	return fmt.Errorf("the batch at offset %d, of %s with %s compression, is larger than `%s` of %s%s: raise that and restart",
		at.Offset, humanize.IBytes(uint64(max(0, at.Header.Size()))), at.Header.Codec(), fieldMaxBatchBytes, humanize.IBytes(uint64(c.maxBatchBytes)), decompressed)
}

// Corrupt logs that a batch is fetched again.
func (o *fetchOwner) Corrupt(c *track.Claim, at fetch.Fault) {
	o.report.metrics.errors.Incr(1, "corrupt")
	o.report.at(c.ID, at.Offset).Warnf("Partition %d of %s: fetching offset %d again: %v", c.ID.Partition, c.Topic, at.Offset, at.Err)
}

// Paused reports a partition that cannot be fetched now.
func (o *fetchOwner) Paused(c *track.Claim, failures int, err error) {
	var e *kerr.Error
	kind := "fetch"
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		kind = "out_of_range"
	case errors.As(err, &e):
		kind = e.Message // one of Kafka's names
	}
	o.report.paused(c.Partition, kind, failures, o.conf.explained(err))
}

// BrokerFailed reports a broker that does not respond.
func (o *fetchOwner) BrokerFailed(broker int32, partitions, failures int, err error) {
	o.report.metrics.errors.Incr(1, "broker")
	text := fmt.Sprintf("fetching from broker %d: %v; %d partitions wait", broker, o.conf.explained(err), partitions)
	if failures >= patientFailures && o.report.brokers.Due(text, time.Now()) {
		o.report.log.Warn(text)
	}
}
