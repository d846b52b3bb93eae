package produce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// written is what a call wrote, by message.
type written struct {
	number   int
	topic    string
	values   [][]string // of each message
	at       []int32    // its partition
	refusals []Refusal
	err      error
}

func (w *written) total() (n int64) {
	for _, v := range w.values {
		n += int64(len(v))
	}
	return n
}

// TestLaw breaks if any order of faults, calls and cancellations makes an acknowledged
// record be missing, a refused or withdrawn one be stored, a refusal name another message,
// or the records of a call be stored in another order.
func TestLaw(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		conf := Defaults()
		conf.Acks = 1
		conf.Codec = recordbatch.Codec(rapid.IntRange(0, 4).Draw(r, "codec"))
		conf.MaxBatchBytes = rapid.SampledFrom([]int{100, 400, 2000, 100_000}).Draw(r, "max_batch_bytes")
		conf.MaxRequestBytes = rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(r, "max_request_bytes")
		conf.RequestsPerBroker = rapid.IntRange(1, 4).Draw(r, "requests")
		chance := rapid.SampledFrom([]float64{0, 0.1, 0.4}).Draw(r, "chance of a fault")
		bad := rapid.SampledFrom([]float64{0, 0.05, 0.5}).Draw(r, "bad records")
		leave := rapid.SampledFrom([]float64{0, 0.3}).Draw(r, "calls that leave")
		limit := rapid.SampledFrom([]int{150, 700, 1 << 20}).Draw(r, "max.message.bytes")
		calls := rapid.IntRange(1, 12).Draw(r, "calls")
		most := rapid.SampledFrom([]int{1, 5, 60}).Draw(r, "messages")
		var wrong []string
		synctest.Test(t, func(t *testing.T) {
			wrong = play(seed, conf, chance, bad, leave, limit, calls, most)
		})
		for _, w := range wrong {
			r.Error(w)
		}
	})
}

func play(seed uint64, conf Config, chance, bad, leave float64, limit, calls, most int) (wrong []string) {
	s := newSim(seed)
	s.latency = 30 * time.Millisecond
	stored := false // by a request that failed
	faults := rand.New(rand.NewPCG(seed, 2))
	s.fault = func(string, int32) fault {
		if faults.Float64() >= chance {
			return fault{}
		}
		f := []fault{
			{code: kerr.RequestTimedOut.Code, store: true}, {code: kerr.NotEnoughReplicasAfterAppend.Code, store: true},
			{code: kerr.KafkaStorageError.Code}, {code: kerr.TopicAuthorizationFailed.Code}, {code: kerr.UnknownServerError.Code},
			{lost: true}, {lost: true, store: true}, {cut: "before"}, {cut: "after"}, {cut: "after", store: true},
		}[faults.IntN(10)]
		stored = stored || f.store || f.cut == "after" || f.lost
		return f
	}
	topics := []*simTopic{s.topic("a", 3, 2, limit), s.topic("b", 1, 2, limit)}
	p := start(conf, s)
	stop := make(chan struct{})
	var movers, wait sync.WaitGroup
	movers.Go(func() { // leaders move
		moves := rand.New(rand.NewPCG(seed, 3))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(20+moves.IntN(400)) * time.Millisecond):
			}
			s.mu.Lock()
			part := topics[0].partitions[moves.IntN(3)]
			part.leader = int32(moves.IntN(4)) - 1 // or none
			s.mu.Unlock()
		}
	})
	all := make([]*written, calls)
	for i := range all {
		w := &written{number: i}
		all[i] = w
		random := rand.New(rand.NewPCG(seed, uint64(10+i)))
		wait.Go(func() { w.run(p, random, bad, leave, most) })
	}
	wait.Wait()
	close(stop)
	movers.Wait()
	p.Close(context.Background())
	for _, w := range all {
		wrong = append(wrong, w.judge(s, limit, stored)...)
	}
	return append(wrong, s.wrong...)
}

// run is one call.
func (w *written) run(p *Producer, random *rand.Rand, bad, leave float64, most int) {
	time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	if random.Float64() < leave {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(300))*time.Millisecond)
	}
	defer cancel()
	call := p.Begin()
	w.topic = []string{"a", "a", "b"}[random.IntN(3)]
	topic, err := call.Topic(ctx, w.topic)
	if err != nil {
		w.refusals, w.err = call.Wait(ctx)
		w.err = errors.Join(w.err, err)
		return
	}
	fixed := topic.Next()
	var shared, kept [][]byte // whole batches
	for m := range 1 + random.IntN(most) {
		partition := []int32{fixed, topic.Sticky(), int32(random.IntN(topic.Partitions()))}[random.IntN(3)]
		w.at = append(w.at, partition)
		value := func(i int) string {
			text := fmt.Sprintf("c%d m%d r%d %s", w.number, m, i, strings.Repeat("x", random.IntN(60)))
			if random.Float64() < bad {
				text = "bad " + text
			}
			return text
		}
		var values []string
		if random.IntN(5) > 0 {
			values = []string{value(0)}
			call.Add(topic, partition, m, &recordbatch.Record{Timestamp: int64(1000 + m), Value: []byte(values[0])})
		} else {
			var builder recordbatch.Builder
			builder.Begin(nil)
			for i := range 1 + random.IntN(6) {
				values = append(values, value(i))
				builder.Append(&recordbatch.Record{Timestamp: int64(2000 + i), Value: []byte(values[i])})
			}
			batch, _ := builder.Finish()
			if err := call.AddBatch(topic, partition, m, batch); err != nil {
				panic(err)
			}
			shared = append(shared, batch)
			kept = append(kept, bytes.Clone(batch))
		}
		w.values = append(w.values, values)
		if random.IntN(10) == 0 {
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		}
	}
	w.refusals, w.err = call.Wait(ctx)
	if !slices.EqualFunc(shared, kept, bytes.Equal) {
		panic("the bytes of a message are changed, which retries and other outputs share")
	}
}

// judge returns what is wrong with the outcome of a call.
func (w *written) judge(s *sim, limit int, stored bool) (wrong []string) {
	breaks := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("call %d: ", w.number)+fmt.Sprintf(format, args...))
	}
	refused := map[int]error{}
	for _, r := range w.refusals {
		refused[r.Message] = r.Err
	}
	var u *Unfinished
	if w.err != nil && !errors.As(w.err, &u) && !errors.Is(w.err, context.DeadlineExceeded) {
		breaks("the error is %v", w.err)
	}
	found := int64(0)
	last := map[int32]int{}
	for m, values := range w.values {
		log := s.topics[w.topic].partitions[w.at[m]].log
		bad, large := false, false
		for _, v := range values {
			bad = bad || strings.HasPrefix(v, "bad")
			large = large || recordbatch.HeaderSize+recordbatch.MaxRecordSize(0, len(v), 0) > limit
		}
		err := refused[m]
		switch {
		case err != nil && !bad && !large:
			breaks("message %d is refused: %v", m, err)
		case err == nil && bad && w.err == nil:
			breaks("message %d is not refused", m)
		case err != nil && bad && !large && !strings.Contains(err.Error(), fmt.Sprintf("bad c%d m%d ", w.number, m)):
			breaks("message %d is refused for another: %v", m, err)
		}
		for _, v := range values {
			times, first := 0, -1
			for i, l := range log {
				if l == v {
					if times++; first < 0 {
						first = i
					}
				}
			}
			if times > 0 {
				found++
			}
			switch {
			case times == 0 && err == nil && w.err == nil:
				breaks("%q is acknowledged and not there", v)
			case times > 0 && strings.HasPrefix(v, "bad"):
				breaks("%q is stored", v)
			case times > 1 && !stored:
				breaks("%q is stored %d times", v, times)
			}
			if first >= 0 {
				if before, ok := last[w.at[m]]; ok && first < before {
					breaks("%q is stored before an earlier record", v)
				}
				last[w.at[m]] = first
			}
		}
	}
	if u != nil && found > w.total()-u.Unsent {
		breaks("%d of %d records are stored, and %d were withdrawn", found, w.total(), u.Unsent)
	}
	return wrong
}
