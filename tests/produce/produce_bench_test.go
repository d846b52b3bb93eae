package produce_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	benchCalls      = 300
	benchRecords    = 8000 // of a call
	benchCallers    = 4
	benchPartitions = 8
)

// BenchmarkProduce writes records of 110 bytes to a real Kafka, by a Producer and by a loop
// that does no more than to build batches and send them, in alternating rounds. An
// iteration is 2,400,000 records. CPU is that of this process, per million records.
func BenchmarkProduce(b *testing.B) {
	c := testenv.Kafka(b)
	topic := c.Topic(b, benchPartitions)
	for _, codec := range []recordbatch.Codec{recordbatch.None, recordbatch.LZ4} {
		for _, way := range []struct {
			name string
			run  func(*testing.B, *testenv.Cluster, string, recordbatch.Codec)
		}{{"loop", loop}, {"producer", callers}} {
			b.Run(fmt.Sprintf("%v/%s", codec, way.name), func(b *testing.B) {
				for range b.N {
					cpu := cpuTime()
					begun := time.Now()
					way.run(b, c, topic, codec)
					const records = benchCalls * benchRecords
					b.ReportMetric(records/time.Since(begun).Seconds()/1e6, "Mrecords/s")
					b.ReportMetric((cpuTime()-cpu).Seconds()/records*1e6, "CPU-s/M")
				}
			})
		}
	}
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // it has no error for oneself
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

var benchTime = time.Now().UnixMilli()

// inTurn runs all calls, several at a time.
func inTurn(f func(worker, call int)) {
	var wait sync.WaitGroup
	for worker := range benchCallers {
		wait.Go(func() {
			for call := worker; call < benchCalls; call += benchCallers {
				f(worker, call)
			}
		})
	}
	wait.Wait()
}

func callers(b *testing.B, c *testenv.Cluster, topic string, codec recordbatch.Codec) {
	conf := produce.Defaults()
	conf.Client = []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}
	conf.Codec, conf.Acks = codec, 1
	p, err := produce.New(conf)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(context.Background())
	inTurn(func(int, int) {
		call := p.Begin()
		to, err := call.Topic(b.Context(), topic)
		if err != nil {
			b.Error(err)
		}
		at := to.Next()
		var value []byte
		for i := range benchRecords {
			value = tweet(value[:0], i)
			call.Add(to, at, i, &recordbatch.Record{Timestamp: benchTime, Value: value})
		}
		if refusals, err := call.Wait(b.Context()); err != nil || len(refusals) > 0 {
			b.Error(len(refusals), err)
		}
	})
}

func loop(b *testing.B, c *testenv.Cluster, topic string, codec recordbatch.Codec) {
	client := c.Client(b, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	defer client.Close()
	meta := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = kmsg.StringPtr(topic)
	meta.Topics = append(meta.Topics, asked)
	described, err := meta.RequestWith(b.Context(), client)
	if err != nil {
		b.Fatal(err)
	}
	var builders [benchCallers]recordbatch.Builder
	var buffers [benchCallers][2][]byte
	var compressors [benchCallers]*recordbatch.Compressor
	for i := range compressors {
		if compressors[i], err = recordbatch.NewCompressor(codec, recordbatch.DefaultLevel); err != nil {
			b.Fatal(err)
		}
	}
	inTurn(func(worker, call int) {
		builder := &builders[worker]
		builder.Begin(buffers[worker][0][:0])
		var value []byte
		for i := range benchRecords {
			value = tweet(value[:0], i)
			builder.Append(&recordbatch.Record{Timestamp: benchTime, Value: value})
		}
		batch, err := builder.Finish()
		if err != nil {
			b.Error(err)
			return
		}
		buffers[worker][0] = batch
		if codec != recordbatch.None {
			if batch, err = compressors[worker].AppendCompressed(buffers[worker][1][:0], batch); err != nil {
				b.Error(err)
			}
			buffers[worker][1] = batch
		}
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = 1, 10_000
		rt := kmsg.NewProduceRequestTopic()
		rt.Topic, rt.TopicID = topic, described.Topics[0].TopicID
		rt.Partitions = append(rt.Partitions, entry(0))
		rt.Partitions[0].Partition, rt.Partitions[0].Records = int32(call%benchPartitions), batch
		req.Topics = append(req.Topics, rt)
		for {
			answer, err := client.Broker(int(described.Topics[0].Partitions[0].Leader)).Request(b.Context(), req)
			if err != nil {
				b.Error(err)
				return
			}
			err = kerr.ErrorForCode(answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
			if err == nil {
				return
			}
			if !kerr.IsRetriable(err) { // a new partition is not led at once
				b.Error(err)
				return
			}
		}
	})
}

// tweet is about what a tweet has: some of it differs, most repeats.
func tweet(dst []byte, i int) []byte {
	const rest = "-4000-8000 I tried the new Acme phone today, and the battery is better than the last"
	dst = binary.BigEndian.AppendUint64(dst, uint64(i)*0x9e3779b97f4a7c15)
	dst = binary.BigEndian.AppendUint64(dst, uint64(i)*0xc2b2ae3d27d4eb4f)
	return append(dst, rest...)
}
