package produce

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sender sends the batches of the partitions that a broker leads.
type sender struct {
	producer *Producer
	broker   int32
	ready    []*partition // Producer.mu guards it
	wake     chan struct{}
	slots    chan struct{} // taken by requests in flight
}

// list adds a partition to the list of its leader. partition.mu must be held.
func (p *Producer) list(part *partition, leader int32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.senders[leader]
	if s == nil {
		s = &sender{producer: p, broker: leader, wake: make(chan struct{}, 1), slots: make(chan struct{}, p.conf.RequestsPerBroker)}
		if !p.goLocked(s.run) {
			return false
		}
		p.senders[leader] = s
	}
	s.ready = append(s.ready, part)
	s.signal()
	return true
}

func (s *sender) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sends one request after the other: the next when the last is written, as long as
// fewer than RequestsPerBroker are in flight.
func (s *sender) run() {
	done := s.producer.ctx.Done()
	for {
		select {
		case <-done:
			return
		case <-s.wake:
		}
		for {
			select {
			case <-done:
				return
			case s.slots <- struct{}{}: // before the claim, so that batches grow meanwhile
			}
			claims, bytes := s.claim()
			if len(claims) == 0 {
				<-s.slots
				break
			}
			s.send(claims, bytes)
		}
	}
}

// claim is a batch in a request.
type claim struct {
	partition *partition
	batch     *batch
	topicID   [16]byte
	bytes     []byte
}

// claim takes one batch of each partition that is ready, as many as fit into a request.
func (s *sender) claim() (claims []claim, bytes int) {
	for {
		p := s.producer.unlist(s)
		if p == nil {
			return claims, bytes
		}
		c, fits := p.claim(s.broker, s.producer.conf.MaxRequestBytes-bytes, len(claims) == 0)
		if !fits {
			s.producer.relist(s, p)
			return claims, bytes
		}
		if c.batch != nil {
			claims = append(claims, c)
			bytes += len(c.bytes)
		}
	}
}

// unlist takes the first partition off the list of a sender. It returns nil if there is none.
func (p *Producer) unlist(s *sender) *partition {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(s.ready) == 0 {
		return nil
	}
	first := s.ready[0]
	s.ready = s.ready[1:]
	return first
}

// relist puts a partition back where unlist took it.
func (p *Producer) relist(s *sender, part *partition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.ready = slices.Insert(s.ready, 0, part)
	s.signal()
}

// claim puts the first batch of the queue in flight, if it may still be sent by this
// broker. It does not fit if it has more bytes than the room, unless it is the first.
func (p *partition) claim(broker int32, room int, first bool) (c claim, fits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed = false
	if p.inFlight || p.waits.Load() || len(p.queue) == 0 || p.queue[0].state != ready || p.queue[0].unclean() || p.leader.Load() != broker {
		p.advance() // something else may be next now
		return claim{}, true
	}
	b := p.queue[0]
	if len(b.buf.bytes) > room && !first {
		p.listed = true
		return claim{}, false
	}
	p.inFlight = true
	b.sent++
	return claim{partition: p, batch: b, topicID: p.topic.ID(), bytes: b.buf.bytes}, true
}

// send sends a request and returns when its bytes are written, or nothing more will be.
func (s *sender) send(claims []claim, bytes int) {
	req := s.request(claims)
	s.producer.conf.Observer.InFlight(int64(bytes))
	written, ended := make(chan struct{}), make(chan struct{})
	exchange := func() {
		begun := time.Now()
		// The context is never that of a call: a cancelled one ends the connection, and with
		// it the requests of all other calls.
		resp, err := s.producer.transport.produce(s.producer.ctx, s.broker, req, func() { close(written) })
		r := result{resp: resp, err: err, took: time.Since(begun), written: isClosed(written) || req.Acks == 0}
		s.producer.take(claims, r)
		s.producer.conf.Observer.InFlight(-int64(bytes))
		<-s.slots
		close(ended)
	}
	if req.Acks == 0 {
		exchange() // it returns when it is written
		return
	}
	s.producer.wait.Go(exchange) // run is still counted
	select {
	case <-written:
	case <-ended:
	}
}

// request makes a request of the claims, which are of different partitions: of two batches
// for one partition a broker stores only the last.
func (s *sender) request(claims []claim) *kmsg.ProduceRequest {
	conf := &s.producer.conf
	req := kmsg.NewPtrProduceRequest()
	req.Acks = conf.Acks
	req.TimeoutMillis = int32(conf.Timeout.Milliseconds())
	for i := range claims {
		c := &claims[i]
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition = c.partition.index
		rp.Records = c.bytes
		rt := topicOf(req, c)
		rt.Partitions = append(rt.Partitions, rp)
	}
	return req
}

// topicOf returns the entry of a claim's topic. It has name and id, of which versions of
// the request have one or the other.
func topicOf(req *kmsg.ProduceRequest, c *claim) *kmsg.ProduceRequestTopic {
	for i := range req.Topics {
		if t := &req.Topics[i]; t.Topic == c.partition.topic.name && t.TopicID == c.topicID {
			return t
		}
	}
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = c.partition.topic.name, c.topicID
	req.Topics = append(req.Topics, t)
	return &req.Topics[len(req.Topics)-1]
}
