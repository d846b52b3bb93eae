package produce

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// accepting answers every request at once.
type accepting struct{ *sim }

func (accepting) produce(_ context.Context, _ int32, req *kmsg.ProduceRequest, written func()) (*kmsg.ProduceResponse, error) {
	written()
	resp := kmsg.NewPtrProduceResponse()
	for _, rt := range req.Topics {
		out := kmsg.NewProduceResponseTopic()
		out.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			a := kmsg.NewProduceResponseTopicPartition()
			a.Partition = rp.Partition
			out.Partitions = append(out.Partitions, a)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

// BenchmarkCall is a call of 8,000 records of 100 bytes: an operation is a record.
func BenchmarkCall(b *testing.B) {
	for _, codec := range []recordbatch.Codec{recordbatch.None, recordbatch.LZ4} {
		for _, callers := range []int{1, 4} {
			b.Run(fmt.Sprintf("%v/callers=%d", codec, callers), func(b *testing.B) {
				conf := Defaults()
				conf.Acks, conf.Codec = 1, codec
				s := newSim(1)
				s.topic("a", 8, 1, 1<<30)
				p := start(conf, accepting{s})
				defer p.Close(context.Background())
				rec := &recordbatch.Record{Timestamp: 1, Value: []byte(fmt.Sprintf("%0100d", 7))}
				b.SetBytes(100)
				b.ReportAllocs()
				b.SetParallelism(callers)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for more := true; more; {
						call := p.Begin()
						topic, err := call.Topic(context.Background(), "a")
						if err != nil {
							b.Error(err)
							return
						}
						at := topic.Next()
						for i := 0; i < 8000; i++ {
							if more = pb.Next(); !more {
								break
							}
							call.Add(topic, at, i, rec)
						}
						if _, err := call.Wait(context.Background()); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
