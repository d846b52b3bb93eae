package produce

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transport is how requests reach brokers.
type transport interface {
	metadata(ctx context.Context, topics []string) (*kmsg.MetadataResponse, error)
	// produce sends a request. written is called once its bytes are on their way, after which
	// requests that are sent later are written later. If it was not called, nothing was sent.
	produce(ctx context.Context, broker int32, req *kmsg.ProduceRequest, written func()) (*kmsg.ProduceResponse, error)
	close()
}

type client struct {
	*kgo.Client
	createTopics bool
}

func newClient(conf Config) (*client, error) {
	acks := kgo.AllISRAcks()
	switch conf.Acks {
	case 0:
		acks = kgo.NoAck()
	case 1:
		acks = kgo.LeaderAck()
	}
	// The client's own producer is not used, but requests without acknowledgement are
	// only handled as such if it would send them, too.
	cl, err := kgo.NewClient(append(append([]kgo.Opt{}, conf.Client...),
		kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite(), kgo.ProduceRequestTimeout(conf.Timeout))...)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &client{cl, conf.CreateTopics}, nil
}

func (c *client) metadata(ctx context.Context, topics []string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = c.createTopics
	req.Topics = make([]kmsg.MetadataRequestTopic, 0, len(topics)) // nil would be all topics
	for _, name := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, rt)
	}
	return req.RequestWith(ctx, c.Client)
}

// ordered is a produce request that tells when it is written. The client hands a
// *kmsg.ProduceRequest to its connection from a goroutine of its own, so that two of them
// may be written in either order, and sets its acks to those of the client.
type ordered struct {
	*kmsg.ProduceRequest
	once    sync.Once
	written func()
}

// AppendTo is called by the only goroutine that writes to the broker, which appends to
// memory of its own.
func (o *ordered) AppendTo(dst []byte) []byte {
	dst = o.ProduceRequest.AppendTo(dst)
	o.once.Do(o.written)
	return dst
}

func (c *client) produce(ctx context.Context, broker int32, req *kmsg.ProduceRequest, written func()) (*kmsg.ProduceResponse, error) {
	var asked kmsg.Request = &ordered{ProduceRequest: req, written: written}
	if req.Acks == 0 {
		asked = req // only this type is known to have no response
	}
	answer, err := c.Broker(int(broker)).Request(ctx, asked)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*kmsg.ProduceResponse)
	if !ok {
		return nil, fmt.Errorf("a response of the type %T", answer)
	}
	return resp, nil
}

func (c *client) close() { c.Close() }
