package produce

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

func producing(t *testing.T, c *testenv.Cluster, change func(*Config)) *Producer {
	t.Helper()
	conf := Defaults()
	conf.Client = []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}
	if change != nil {
		change(&conf)
	}
	p, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// Every codec and every acks is stored as it was given, as franz-go reads it.
func TestKafkaStoresRecords(t *testing.T) {
	c := testenv.FakeKafka(t)
	for codec := recordbatch.None; codec <= recordbatch.Zstd; codec++ {
		for acks := int16(-1); acks <= 1; acks++ {
			t.Run(fmt.Sprintf("%v, acks %d", codec, acks), func(t *testing.T) {
				topic := c.Topic(t, 2)
				p := producing(t, c, func(conf *Config) { conf.Codec, conf.Acks, conf.MaxBatchBytes = codec, acks, 2000 })
				call := p.Begin()
				to, err := call.Topic(t.Context(), topic)
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]bool{}
				for i := range 300 {
					rec := recordbatch.Record{Timestamp: int64(1_700_000_000_000 + i), Value: []byte(strings.Repeat("v", i))}
					if i%3 > 0 {
						rec.Key = fmt.Append(nil, "key ", i)
						rec.Headers = rec.Headers.Append("h", []byte{byte(i)}).Append("null", nil)
					}
					call.Add(to, int32(i%2), i, &rec)
					var headers []string
					for k, v := range rec.Headers.All() {
						headers = append(headers, fmt.Sprintf("%s=%v", k, v))
					}
					want[fmt.Sprintf("%d %d %q %q %v", i%2, rec.Timestamp, rec.Key, rec.Value, headers)] = true
				}
				if refusals, err := call.Wait(t.Context()); err != nil || len(refusals) > 0 {
					t.Fatal(refusals, err)
				}
				got := c.Read(t, topic, 300)
				for _, r := range got {
					var headers []string
					for _, h := range r.Headers {
						headers = append(headers, fmt.Sprintf("%s=%v", h.Key, h.Value))
					}
					text := fmt.Sprintf("%d %d %q %q %v", r.Partition, r.Timestamp.UnixMilli(), r.Key, r.Value, headers)
					if !want[text] {
						t.Fatalf("%s is stored", text)
					}
					delete(want, text)
				}
				if len(got) != 300 {
					t.Errorf("%d records are stored", len(got))
				}
			})
		}
	}
}

// Requests are written in the order in which they were sent, though each has a goroutine
// of its own in the client; and a batch is in one request at a time.
func TestRequestsAreWrittenInOrder(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	transport, err := newClient(Config{Client: []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, Acks: 1, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.close()
	meta, err := transport.metadata(t.Context(), []string{topic})
	if err != nil {
		t.Fatal(err)
	}
	const requests = 3000
	var mu sync.Mutex
	var seen []int32
	c.Fake.ControlKey(0, func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		c.Fake.KeepControl()
		seen = append(seen, r.(*kmsg.ProduceRequest).TimeoutMillis)
		return nil, nil, false
	})
	var b recordbatch.Builder
	b.Begin(nil)
	b.Append(value("x"))
	records, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var all []*kmsg.ProduceRequest
	for i := range requests {
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = 1, int32(i)
		rt := kmsg.NewProduceRequestTopic()
		rt.Topic, rt.TopicID = topic, meta.Topics[0].TopicID
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Records = records
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		all = append(all, req)
	}
	var wait sync.WaitGroup
	for _, req := range all {
		written := make(chan struct{})
		wait.Go(func() {
			if _, err := transport.produce(t.Context(), meta.Brokers[0].NodeID, req, func() { close(written) }); err != nil {
				t.Error(err)
			}
		})
		<-written
	}
	wait.Wait()
	if len(seen) != requests || !slices.IsSorted(seen) {
		t.Errorf("%d requests, in another order than they were sent", len(seen))
	}
}

// While leaders move, connections break and brokers answer with errors, every acknowledged
// record is stored, and those of a call in their order.
func TestKafkaInTrouble(t *testing.T) {
	c := testenv.FakeKafka(t, kfake.NumBrokers(3), kfake.Ports())
	topic := c.Topic(t, 6)
	p := producing(t, c, func(conf *Config) { conf.MaxBatchBytes = 2000; conf.Codec = recordbatch.LZ4 })
	random := rand.New(rand.NewPCG(1, 1))
	var faults int
	var mu sync.Mutex
	c.Fake.ControlKey(0, func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		c.Fake.KeepControl()
		if random.IntN(4) > 0 || faults > 60 {
			return nil, nil, false
		}
		faults++
		if random.IntN(2) == 0 {
			return nil, fmt.Errorf("the connection is closed"), true
		}
		req := r.(*kmsg.ProduceRequest)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range req.Topics {
			out := kmsg.NewProduceResponseTopic()
			out.Topic, out.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				a := kmsg.NewProduceResponseTopicPartition()
				a.Partition = rp.Partition
				a.ErrorCode = []int16{kerr.NotEnoughReplicas.Code, kerr.NotLeaderForPartition.Code, kerr.KafkaStorageError.Code}[random.IntN(3)]
				out.Partitions = append(out.Partitions, a)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp, nil, true
	})
	stop := make(chan struct{})
	var mover, wait sync.WaitGroup
	mover.Go(func() {
		for i := int32(0); ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				if err := c.Fake.MoveTopicPartition(topic, i%6, (i/6)%3); err != nil {
					t.Error(err)
				}
			}
		}
	})
	const calls, records = 40, 50
	for n := range calls {
		wait.Go(func() {
			time.Sleep(time.Duration(n) * 20 * time.Millisecond)
			call := p.Begin()
			to, err := call.Topic(t.Context(), topic)
			if err != nil {
				t.Error(err)
			} else {
				for i := range records {
					call.Add(to, int32(i%6), i, value(fmt.Sprintf("%d %d", n, i)))
				}
			}
			if refusals, err := call.Wait(t.Context()); err != nil || len(refusals) > 0 {
				t.Error(refusals, err)
			}
		})
	}
	wait.Wait()
	close(stop)
	mover.Wait()
	got := c.Read(t, topic, calls*records)
	last := map[[2]int]int{}
	for _, r := range got {
		var n, i int
		if _, err := fmt.Sscan(string(r.Value), &n, &i); err != nil {
			t.Fatal(err)
		}
		key := [2]int{n, int(r.Partition)}
		if before, ok := last[key]; ok && i <= before {
			t.Errorf("call %d: record %d comes after %d", n, i, before)
		}
		last[key] = i
	}
	if len(got) != calls*records {
		t.Errorf("%d records are stored, want %d: no fault stored one", len(got), calls*records)
	}
	if faults < 10 {
		t.Errorf("%d faults only", faults)
	}
}
