package faultlab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// WritePipeline is a process that writes to a topic by the output kafka_batches, and
// its senders: clients of its HTTP input, which answers when the output has acknowledged.
type WritePipeline struct {
	*testenv.Program
	watched
	Topic string

	form    form
	senders []*sender
	lab     *WriteLab
}

// start starts the process and its senders.
func (p *WritePipeline) start(settings []string) {
	l := p.lab
	l.Helper()
	message, config := "record", "testdata/write_records.yaml"
	if p.form.whole {
		message, config = "record_batch", "testdata/write_batches.yaml"
	}
	p.Name = "of " + message
	args := []string{}
	for _, value := range settings {
		args = append(args, "--set", value)
	}
	p.Program = testenv.Start(l, testenv.Command{
		Config: "tests/faultlab/" + config, Args: args,
		Env: map[string]string{"KAFKA_BROKERS": l.address, "TOPIC": p.Topic},
	})
	p.pid.Store(int64(p.PID()))
	l.usage.add(&p.watched)
	p.Ready(l, time.Minute)
	for i := range l.Senders {
		s := &sender{pipeline: p, number: i, random: rand.New(rand.NewPCG(l.Seed, uint64(i)+100)), codec: recordbatch.Codec(i % int(recordbatch.Zstd+1))}
		if alike(i) {
			s.codec = recordbatch.None
		}
		p.senders = append(p.senders, s)
		l.sending.Go(func() { s.run(l.Context(), l.stop) })
	}
}

// Kill ends the process as a crash would, and Restart starts it again.
func (p *WritePipeline) Kill() {
	p.lab.Helper()
	p.pid.Store(0)
	p.Program.Kill(p.lab)
	p.lab.Event("%s is killed", p)
}

// Stop ends the process with SIGTERM.
func (p *WritePipeline) Stop() {
	p.lab.Helper()
	p.pid.Store(0)
	if code := p.Program.Stop(p.lab); code != 0 {
		p.lab.Errorf("%s has ended with exit code %d", p, code)
	}
	p.lab.Event("%s has ended", p)
}

// Restart starts the process again.
func (p *WritePipeline) Restart() {
	p.lab.Helper()
	p.Program.Restart(p.lab)
	p.pid.Store(int64(p.PID()))
	p.lab.Event("%s starts again", p)
}

// Acknowledged returns the number of acknowledged records.
func (p *WritePipeline) Acknowledged() (records int64) {
	for _, a := range p.accounts() {
		records += a.acknowledged
	}
	return records
}

// Errors returns how many errors this run of the process has retried, of all kinds or one.
func (p *WritePipeline) Errors(kind ...string) float64 {
	p.lab.Helper()
	var labels []string
	if len(kind) > 0 {
		labels = []string{"kind", kind[0]}
	}
	return p.metrics().Sum("kafka_batches_output_errors", labels...)
}

func (p *WritePipeline) metrics() testenv.Metrics {
	p.lab.Helper()
	metrics, err := p.Metrics(p.lab.Context())
	if err != nil {
		p.lab.Fatalf("%s: %v", p, err)
	}
	return metrics
}

func (p *WritePipeline) accounts() []account {
	var all []account
	for _, s := range p.senders {
		s.mu.Lock()
		all = append(all, s.account)
		s.mu.Unlock()
	}
	return all
}

// sender sends one batch of messages after the other.
type sender struct {
	pipeline *WritePipeline
	number   int
	random   *rand.Rand
	codec    recordbatch.Codec

	mu      sync.Mutex
	account account
}

// run sends until stop is closed, and ends when all is acknowledged.
func (s *sender) run(ctx context.Context, stop chan struct{}) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for {
		pause := time.Duration(s.random.IntN(60)) * time.Millisecond
		select {
		case <-ctx.Done():
			return
		case <-stop:
			return
		case <-time.After(pause):
		}
		first := s.account.sent // only this goroutine changes it
		count := 1 + s.random.Int64N(150)
		switch s.random.IntN(20) {
		case 0:
			count = 1
		case 1:
			count = 1000
		}
		switch {
		case s.pipeline.form.whole && alike(s.number):
			count = blockRecords / 4
		case s.pipeline.form.whole:
			count = min(count, blockRecords-first%blockRecords)
		}
		body, partition, err := s.body(first, count)
		if err != nil {
			s.pipeline.lab.Error(err)
			return
		}
		s.mu.Lock()
		s.account.sent += count
		s.mu.Unlock()
		for !s.post(ctx, client, body, partition) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
		s.mu.Lock()
		s.account.acknowledged += count
		s.mu.Unlock()
	}
}

// body returns some records as lines of JSON or as a record batch.
func (s *sender) body(first, count int64) (body []byte, partition int32, err error) {
	f := s.pipeline.form
	var lines bytes.Buffer
	var b recordbatch.Builder
	b.Begin(nil)
	for number := first; number < first+count; number++ {
		r := f.record(s.number, number)
		partition = f.partition(s.number, number, r.key)
		if f.whole {
			b.Append(&recordbatch.Record{
				Key: []byte(r.key), Value: []byte(r.value), Timestamp: r.millis,
				Headers: recordbatch.RecordHeaders(nil).Append(headerName, []byte(r.header)),
			})
			continue
		}
		if number > first {
			lines.WriteByte('\n')
		}
		fmt.Fprintf(&lines, `{"key":%q,"value":%q,"check":%q,"millis":"%d"}`, r.key, r.value, r.header, r.millis)
	}
	if !f.whole {
		return lines.Bytes(), 0, nil
	}
	plain, err := b.Finish()
	if err != nil || s.codec == recordbatch.None {
		return plain, partition, err
	}
	c, err := recordbatch.NewCompressor(s.codec, recordbatch.DefaultLevel)
	if err != nil {
		return nil, 0, err
	}
	body, err = c.AppendCompressed(nil, plain)
	return body, partition, err
}

// post reports whether a batch of messages was acknowledged.
func (s *sender) post(ctx context.Context, client *http.Client, body []byte, partition int32) bool {
	url := "http://" + s.pipeline.Address() + "/write?partition=" + strconv.Itoa(int(partition))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false // the process was killed, for example
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}
