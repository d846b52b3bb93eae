package kafkabatch

import (
	"context"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: processors that read record batches would make the CRC of
// each of them once more, which costs a tenth, if the note that it is right got
// lost on its way through Benthos.
func TestProcessorsKnowThatTheCRCIsRight(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)

	env := service.NewEnvironment()
	if err := Register(env, Name); err != nil {
		t.Fatal(err)
	}
	seen := make(chan bool, 1)
	err := env.RegisterBatchProcessor("look", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchProcessor, error) {
		return look{seen}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML(`
input:
  kafka_batches:
    seed_brokers: [ "` + c.Brokers[0] + `" ]
    topics: [ ` + topic + ` ]
    consumer_group: g
pipeline:
  processors: [ look: {} ]
output:
  drop: {}
logger:
  level: NONE
`); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(t.Context()) }()
	select {
	case checked := <-seen:
		if !checked {
			t.Error("the CRC of a batch is not known to be right")
		}
	case err := <-ended:
		t.Fatalf("the stream has ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("no batch comes")
	}
	if err := stream.StopWithin(10 * time.Second); err != nil {
		t.Error(err)
	}
}

// look tells of the first batch whether its CRC is known to be right.
type look struct{ seen chan<- bool }

func (l look) ProcessBatch(_ context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	b, err := batch[0].AsBytes()
	select {
	case l.seen <- err == nil && recordbatch.CheckedOf(batch[0].Context(), b) != nil:
	default:
	}
	return []service.MessageBatch{batch}, nil
}

func (look) Close(context.Context) error { return nil }
