package subpartition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// errOutput is what the pipeline answers in tests.
var errOutput = errors.New("the output says no")

// fakeChild is a child that delivers what a test gives it, and notes the answers.
type fakeChild struct {
	batches chan service.MessageBatch // closed: the child ends

	mu      sync.Mutex
	given   int
	answers map[int][]error // by the number of the batch
	closed  bool
	early   bool // closed with a batch that was not answered
}

func newFakeChild() *fakeChild {
	return &fakeChild{batches: make(chan service.MessageBatch), answers: map[int][]error{}}
}

func (c *fakeChild) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case b, open := <-c.batches:
		if !open {
			return nil, nil, service.ErrEndOfInput
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		number := c.given
		c.given++
		return b, func(_ context.Context, err error) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.answers[number] = append(c.answers[number], err)
			return nil
		}, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (c *fakeChild) Close(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.early = len(c.answers) < c.given
	return nil
}

// answered returns the answers so far: "0" for an acknowledged batch 0, "0!" for a nack.
func (c *fakeChild) answered() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for i := range c.given {
		for _, err := range c.answers[i] {
			text := fmt.Sprint(i)
			if err != nil {
				text += "!"
			}
			all = append(all, text)
		}
	}
	return strings.Join(all, " ")
}

// fakeDead is an output for dead letters that fails for as long as it is told to.
type fakeDead struct {
	mu      sync.Mutex
	fails   bool
	letters service.MessageBatch
}

func (d *fakeDead) WriteBatch(_ context.Context, b service.MessageBatch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails {
		return errOutput
	}
	d.letters = append(d.letters, b...)
	return nil
}

func (d *fakeDead) Close(context.Context) error { return nil }

func (d *fakeDead) set(fails bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = fails
}

func (d *fakeDead) all() service.MessageBatch {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.letters)
}

// rig is an input around a fake child. It is for use in a synctest bubble.
type rig struct {
	*input
	t      *testing.T
	from   *fakeChild
	buried *fakeDead
	offset int

	ctx     context.Context
	stopNow context.CancelFunc
	got     chan *delivered
	over    chan error
}

const childYAML = "input: { kafka_batches: { emit: records } }\n"

// start starts an input with these settings, whose `key` is the part of a message before a
// colon.
func start(t *testing.T, yaml string) *rig {
	t.Helper()
	return startWith(t, "key: 'root = if content().string().contains(\":\") { content().string().split(\":\").index(0) } else { \"\" }'\n"+yaml)
}

// startWith starts an input with settings that include the key.
func startWith(t *testing.T, yaml string) *rig {
	t.Helper()
	conf, err := parse(childYAML + yaml)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, from: newFakeChild()}
	var dead letter.Output
	if conf.dead {
		r.buried = &fakeDead{}
		dead = r.buried
	}
	res := service.MockResources()
	r.input = newInputAround(conf, r.from, dead, res.Logger(), newMetrics(res.Metrics()))
	r.ctx, r.stopNow = context.WithCancel(context.Background())
	r.got, r.over = make(chan *delivered, 10_000), make(chan error, 1)
	if err := r.Connect(r.ctx); err != nil {
		t.Fatal(err)
	}
	go r.pump()
	return r
}

func parse(yaml string) (config, error) {
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		return config{}, err
	}
	return configFrom(parsed)
}

// end closes the input as Benthos does.
func (r *rig) end() {
	r.t.Helper()
	r.stopNow()
	synctest.Wait()
	if err := r.Close(context.Background()); err != nil {
		r.t.Errorf("Close() = %v", err)
	}
	if !r.from.closed || r.from.early {
		r.t.Errorf("the child is closed: %t, before each of its batches was answered: %t", r.from.closed, r.from.early)
	}
}

// give has the child deliver a batch.
func (r *rig) give(texts ...string) {
	var b service.MessageBatch
	for _, text := range texts {
		b = append(b, r.message(text))
	}
	r.giveBatch(b)
}

func (r *rig) giveBatch(b service.MessageBatch) {
	r.from.batches <- b
	synctest.Wait()
}

func (r *rig) message(text string) *service.Message {
	m := service.NewMessage([]byte(text))
	contract.Position{Topic: "t", Partition: 3, Offset: int64(r.offset)}.Set(m)
	r.offset++
	return m
}

// delivered is a batch of ReadBatch.
type delivered struct {
	text     string // contents, separated by spaces
	messages service.MessageBatch
	answer   func(err error)
}

// pump calls ReadBatch until it fails, as Benthos does.
func (r *rig) pump() {
	for {
		b, ack, err := r.ReadBatch(r.ctx)
		if err != nil {
			r.over <- err
			return
		}
		var texts []string
		for _, m := range b {
			content, _ := m.AsBytes()
			texts = append(texts, string(content))
		}
		r.got <- &delivered{strings.Join(texts, " "), b, func(err error) {
			if err := ack(context.Background(), err); err != nil {
				r.t.Errorf("the acknowledgement fails: %v", err)
			}
			synctest.Wait()
		}}
	}
}

// read returns the next batch, which must have these contents.
func (r *rig) read(want string) *delivered {
	r.t.Helper()
	synctest.Wait()
	select {
	case d := <-r.got:
		if d.text != want {
			r.t.Fatalf("%q is delivered, want %q", d.text, want)
		}
		return d
	default:
		r.t.Fatalf("nothing is delivered, want %q", want)
	}
	return nil
}

// nothing fails if something is delivered.
func (r *rig) nothing() {
	r.t.Helper()
	synctest.Wait()
	select {
	case d := <-r.got:
		r.t.Fatalf("%q is delivered, want nothing", d.text)
	default:
	}
}

// answers fails unless the child has these answers.
func (r *rig) answers(want string) {
	r.t.Helper()
	synctest.Wait()
	if got := r.from.answered(); got != want {
		r.t.Fatalf("the child has the answers %q, want %q", got, want)
	}
}
