package produce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// sim is a Kafka without sockets, for fake time. It checks what every request must keep.
type sim struct {
	mu       sync.Mutex
	topics   map[string]*simTopic
	wrong    []string // rules that were broken
	requests int
	random   *rand.Rand
	latency  time.Duration // up to
	fault    func(topic string, partition int32) fault
	down     bool // no connection is possible
}

type simTopic struct {
	name       string
	id         [16]byte
	limit      int // max.message.bytes
	partitions []*simPartition
}

type simPartition struct {
	leader   int32
	busy     bool
	log      []string // values
	batches  [][]byte
	again    []byte // what must come next, or be dropped
	attempts int
}

// fault is what goes wrong with a batch.
type fault struct {
	store bool   // though it fails, it is stored
	code  int16  // answered
	lost  bool   // no answer for the partition
	cut   string // the connection ends: "before" or "after" the request is written
}

func newSim(seed uint64) *sim {
	return &sim{topics: map[string]*simTopic{}, random: rand.New(rand.NewPCG(seed, 1)),
		fault: func(string, int32) fault { return fault{} }}
}

func (s *sim) topic(name string, partitions, brokers, limit int) *simTopic {
	t := &simTopic{name: name, id: [16]byte{1, byte(len(s.topics))}, limit: limit}
	for i := range partitions {
		t.partitions = append(t.partitions, &simPartition{leader: int32(i % brokers)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[name] = t
	return t
}

var errCut = errors.New("connection reset")

func (s *sim) metadata(ctx context.Context, names []string) (*kmsg.MetadataResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errCut
	}
	resp := kmsg.NewPtrMetadataResponse()
	for _, name := range names {
		rt := kmsg.NewMetadataResponseTopic()
		rt.Topic = kmsg.StringPtr(name)
		if t := s.topics[name]; t == nil {
			rt.ErrorCode = kerr.UnknownTopicOrPartition.Code
		} else {
			rt.TopicID = t.id
			for i, p := range t.partitions {
				rp := kmsg.NewMetadataResponseTopicPartition()
				rp.Partition, rp.Leader = int32(i), p.leader
				rt.Partitions = append(rt.Partitions, rp)
			}
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, ctx.Err()
}

func (s *sim) produce(ctx context.Context, broker int32, req *kmsg.ProduceRequest, written func()) (*kmsg.ProduceResponse, error) {
	s.mu.Lock()
	sent := bytesOf(req)
	resp, err, beforeWritten := s.process(broker, req)
	latency := time.Duration(0)
	if s.latency > 0 {
		latency = time.Duration(s.random.Int64N(int64(s.latency)))
	}
	s.mu.Unlock()
	if !beforeWritten && req.Acks != 0 {
		written()
	}
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(sent, bytesOf(req)) { // a client may read them again, for another connection
		s.breaks("the bytes of a request changed while it was in flight")
	}
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			if t := s.topics[rt.Topic]; t != nil && int(rp.Partition) < len(t.partitions) {
				t.partitions[rp.Partition].busy = false
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func bytesOf(req *kmsg.ProduceRequest) (all []byte) {
	for _, rt := range req.Topics {
		for _, rp := range rt.Partitions {
			all = append(all, rp.Records...)
		}
	}
	return all
}

func (s *sim) process(broker int32, req *kmsg.ProduceRequest) (resp *kmsg.ProduceResponse, err error, beforeWritten bool) {
	s.requests++
	resp = kmsg.NewPtrProduceResponse()
	if s.down {
		return resp, errCut, true
	}
	seen := map[string]bool{}
	for _, rt := range req.Topics {
		out := kmsg.NewProduceResponseTopic()
		if s.random.IntN(2) == 0 { // as versions differ
			out.Topic = rt.Topic
		} else {
			out.TopicID = rt.TopicID
		}
		for _, rp := range rt.Partitions {
			if key := fmt.Sprint(rt.Topic, rp.Partition); seen[key] {
				s.breaks("%s comes twice in a request", key)
			} else {
				seen[key] = true
			}
			a := kmsg.NewProduceResponseTopicPartition()
			a.Partition = rp.Partition
			f := s.batch(broker, &rt, &rp, &a)
			if f.cut != "" {
				err = errCut
				beforeWritten = f.cut == "before"
			}
			if !f.lost {
				out.Partitions = append(out.Partitions, a)
			}
			if beforeWritten {
				return resp, err, true
			}
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, err, false
}

func (s *sim) breaks(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func (s *sim) batch(broker int32, rt *kmsg.ProduceRequestTopic, rp *kmsg.ProduceRequestTopicPartition, a *kmsg.ProduceResponseTopicPartition) fault {
	t := s.topics[rt.Topic]
	if t == nil || t.id != rt.TopicID {
		a.ErrorCode = kerr.UnknownTopicID.Code
		return fault{}
	}
	p := t.partitions[rp.Partition]
	name := fmt.Sprintf("%s/%d", rt.Topic, rp.Partition)
	if p.busy {
		s.breaks("two requests in flight for %s", name)
	}
	p.busy = true
	p.attempts++
	values := s.check(name, rp.Records)
	if p.again != nil && !bytes.Equal(p.again, rp.Records) {
		for _, v := range s.check(name, p.again) {
			for _, w := range values {
				if v == w {
					s.breaks("%s: a batch was sent again with other bytes: %s", name, v)
				}
			}
		}
	}
	p.again = nil
	f := s.fault(rt.Topic, rp.Partition)
	if f.cut == "before" {
		return f
	}
	if f == (fault{}) {
		switch {
		case p.leader != broker:
			a.ErrorCode = kerr.NotLeaderForPartition.Code
			p.again = bytes.Clone(rp.Records)
			return f
		case len(rp.Records) > t.limit:
			a.ErrorCode = kerr.MessageTooLarge.Code
			return f
		}
		for i, v := range values {
			if strings.HasPrefix(v, "bad") {
				a.ErrorCode = kerr.InvalidRecord.Code
				a.ErrorRecords = append(a.ErrorRecords, kmsg.ProduceResponseTopicPartitionErrorRecord{RelativeOffset: int32(i), ErrorMessage: kmsg.StringPtr("it is bad: " + v)})
			}
		}
		if a.ErrorCode != 0 {
			return f
		}
	} else {
		p.again = bytes.Clone(rp.Records)
	}
	a.ErrorCode = f.code
	if f == (fault{}) || f.store && len(rp.Records) <= t.limit && !strings.Contains(strings.Join(values, " "), "bad") {
		p.log = append(p.log, values...)
		p.batches = append(p.batches, bytes.Clone(rp.Records))
	}
	return f
}

// check reads a batch as a broker does, and returns its values.
func (s *sim) check(name string, batch []byte) (values []string) {
	h, err := recordbatch.Check(batch)
	switch {
	case err != nil:
		s.breaks("%s: %v", name, err)
		return nil
	case h.BaseOffset != 0 || h.ProducerID != -1 || h.Records != h.LastOffsetDelta+1 || h.Records == 0 || h.Size() != len(batch):
		s.breaks("%s: header %+v", name, h)
	}
	r, err := recordbatch.NewDecompressor(1 << 28).Reader(batch)
	if err != nil {
		s.breaks("%s: %v", name, err)
		return nil
	}
	var rec recordbatch.Record
	for r.Next(&rec) {
		values = append(values, string(rec.Value))
	}
	if r.Err() != nil {
		s.breaks("%s: %v", name, r.Err())
	}
	return values
}

func (s *sim) close() {}
