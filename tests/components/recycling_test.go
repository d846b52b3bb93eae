package components_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// committed returns an error until a group has committed all of the topic.
func committed(ctx context.Context, client *kgo.Client, group, topic string) error {
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	if err != nil {
		return err
	}
	for p := range int32(partitions) {
		if o, ok := offsets.Lookup(topic, p); !ok || o.At != batches*each {
			return fmt.Errorf("partition %d is committed up to offset %d", p, o.At)
		}
	}
	return nil
}

// recycling is an input that does what ours must not: it puts the next message into
// the memory of one that is acknowledged.
type recycling struct {
	mu   sync.Mutex
	next int
	free [][]byte
}

func registerRecycling(env *service.Environment) error {
	return env.RegisterBatchInput("recycling", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return service.AutoRetryNacksBatched(new(recycling)), nil
	})
}

func (r *recycling) Connect(context.Context) error { return nil }

func (r *recycling) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == batches*each {
		return nil, nil, service.ErrEndOfInput
	}
	var b []byte
	if n := len(r.free); n > 0 {
		b, r.free = r.free[n-1], r.free[:n-1]
	} else {
		b = make([]byte, 0, 1024)
	}
	b = append(b[:0], value(0, r.next)...)
	m := service.NewMessage(b)
	m.MetaSetMut("kafka_partition", 0)
	m.MetaSetMut("kafka_offset", r.next)
	r.next++
	return service.MessageBatch{m}, func(_ context.Context, err error) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil {
			r.free = append(r.free, b)
		}
		return nil
	}, nil
}

func (r *recycling) Close(context.Context) error { return nil }

// If the workload does not notice reused memory, it proves nothing.
func TestTheWorkloadNoticesReusedMemory(t *testing.T) {
	for _, s := range scenarios {
		switch s.name {
		case "broker fan_out_fail_fast", "drop_on back_pressure", "cache":
		default:
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := s.stream(t, "recycling: {}", "", func(*kept) { time.Sleep(2 * time.Second) })
			wrong := 0
			for _, of := range k.messages {
				for _, m := range of {
					if _, err := places(m); err != nil {
						wrong++
					}
				}
			}
			for key, b := range k.cache {
				if _, err := placesOf(key, b); err != nil {
					wrong++
				}
			}
			if wrong == 0 {
				t.Errorf("no changed bytes are noticed in %d messages and %d values of the cache", len(k.messages["a"])+len(k.messages["b"]), len(k.cache))
			}
		})
	}
}
