// Package produce sends records to Kafka in record batches that are built in place.
//
// A Call is one write of a caller. Calls that run at the same time append their records
// to the same open batch of a partition, so that many small writes become few batches.
// An open batch is sealed when it is full, or when its partition may send and a caller
// waits for it: nothing lingers, and batches grow while a request is in flight.
//
//	call := producer.Begin()
//	topic, err := call.Topic(ctx, "tweets")
//	...
//	call.Add(topic, topic.Sticky(), i, &record)
//	...
//	refusals, err := call.Wait(ctx)
//
// A partition has one request in flight, so its batches are stored in the order in which
// they were sealed, retries included, and records of one call in the order of the call.
// Calls that overlap have no order between them. Producer ids are not used: a batch whose
// response was lost is sent again, with the same bytes, and may be stored twice.
//
// # Locks
//
// partition.mu is taken first, then Producer.mu or Call.mu, which are never held together.
// No lock is held while a batch is compressed or a request is sent.
package produce

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// ErrClosed is the error of calls on a Producer that is closed.
var ErrClosed = errors.New("the producer is closed")

// requestLimit is below socket.request.max.bytes, 100 MiB unless a broker is configured
// otherwise: a broker closes the connection on a larger request, and would for ever.
const requestLimit = 100<<20 - 64<<10

// Config is how a Producer sends. Zero values are those of Defaults.
type Config struct {
	// Client is how brokers are reached. The acknowledgements are set here.
	Client []kgo.Opt

	Acks  int16             // 0, 1, or -1 for all replicas in sync
	Codec recordbatch.Codec // of records; a whole batch keeps its own
	Level int               // of the codec; recordbatch.DefaultLevel for Kafka's own

	MaxBatchBytes   int // of an open batch, before compression; one larger record is sent alone
	MaxRequestBytes int // of all batches in a request; one larger batch is sent alone
	// MaxDecompressedBytes bounds a whole batch that must be decompressed to close gaps. One
	// that the broker finds too large or damaged may have requestLimit, if that is more: so
	// may batches of records.
	MaxDecompressedBytes int
	RequestsPerBroker    int // in flight at once, each for other partitions

	Timeout        time.Duration // for the replicas to have a batch
	MetadataMaxAge time.Duration
	CreateTopics   bool // ask brokers to create topics, which auto.create.topics.enable permits
	// UnknownTopic is how long to wait for a topic that does not exist. Its records are then
	// refused; 0 waits until the context of the call ends.
	UnknownTopic time.Duration

	Observer Observer
}

// Defaults returns the settings of a Producer that are not of the user.
func Defaults() Config {
	return Config{
		Acks: -1, Level: recordbatch.DefaultLevel,
		MaxBatchBytes: 1 << 20, MaxRequestBytes: 4 << 20, MaxDecompressedBytes: 64 << 20, RequestsPerBroker: 4,
		Timeout: 30 * time.Second, MetadataMaxAge: time.Minute,
		Observer: silent{},
	}
}

func (c Config) check() error {
	switch {
	case c.Acks < -1 || c.Acks > 1:
		return fmt.Errorf("acks %d: Kafka has 0, 1 and -1 (all)", c.Acks)
	case c.MaxBatchBytes < recordbatch.HeaderSize || c.MaxBatchBytes > requestLimit:
		return fmt.Errorf("batches of %d bytes: from %d to %d are possible", c.MaxBatchBytes, recordbatch.HeaderSize, requestLimit)
	case c.MaxRequestBytes < 1 || c.MaxRequestBytes > requestLimit:
		return fmt.Errorf("requests of %d bytes: from 1 to %d are possible", c.MaxRequestBytes, requestLimit)
	case c.RequestsPerBroker < 1:
		return fmt.Errorf("%d requests in flight: at least 1 is needed", c.RequestsPerBroker)
	case c.MaxDecompressedBytes < 1 || c.Timeout <= 0 || c.MetadataMaxAge <= 0:
		return errors.New("MaxDecompressedBytes, Timeout and MetadataMaxAge must be positive")
	}
	_, err := recordbatch.NewCompressor(c.Codec, c.Level)
	return err
}

// Observer is told what happens. Its methods are called while locks are held, by several
// goroutines at once: they must return soon and not call the Producer.
type Observer interface {
	// Sent is called for a request that was answered, with what the broker accepted. plain
	// is the size of the batches before compression.
	Sent(records, batches int, plain, sent int64, took time.Duration)
	// InFlight is called when the bytes in requests change.
	InFlight(bytes int64)
	// Retrying is called when a batch will be sent again. kind is Kafka's name of the error,
	// or "connection".
	Retrying(kind string, err error)
}

type silent struct{}

func (silent) Sent(int, int, int64, int64, time.Duration) {}
func (silent) InFlight(int64)                             {}
func (silent) Retrying(string, error)                     {}

// Producer sends batches. Its methods may be called by several goroutines at once.
type Producer struct {
	conf      Config
	transport transport
	buffers   buffers
	tools     chan *tools
	ctx       context.Context
	cancel    context.CancelFunc
	stale     chan struct{} // metadata is wanted
	downSince atomic.Int64  // no broker has answered since; 0: one has

	mu      sync.Mutex
	topics  map[string]*Topic
	senders map[int32]*sender
	jobs    []*partition // whose head must be prepared
	workers int          // goroutines that do jobs
	calls   int
	closing chan struct{} // closed by Close
	idle    chan struct{} // closed when closing and no call is left
	closed  bool
	wait    sync.WaitGroup
}

// New returns a Producer with a client of its own: a broker that throttles it delays no
// one else's requests. It connects when it is first used.
func New(conf Config) (*Producer, error) {
	if err := conf.check(); err != nil {
		return nil, err
	}
	transport, err := newClient(conf)
	if err != nil {
		return nil, err
	}
	return start(conf, transport), nil
}

func start(conf Config, transport transport) *Producer {
	if conf.Observer == nil {
		conf.Observer = silent{}
	}
	p := &Producer{
		conf: conf, transport: transport,
		tools:  make(chan *tools, runtime.GOMAXPROCS(0)),
		stale:  make(chan struct{}, 1),
		topics: map[string]*Topic{}, senders: map[int32]*sender{},
		closing: make(chan struct{}), idle: make(chan struct{}),
	}
	for range cap(p.tools) {
		p.tools <- &tools{conf: &p.conf}
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.wait.Go(p.watch)
	return p
}

// Ping reports whether a broker answers.
func (p *Producer) Ping(ctx context.Context) error {
	resp, err := p.transport.metadata(ctx, nil)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	return err
}

// DownSince returns since when no broker answers, or the zero time. It is not noticed
// before something is to be sent.
func (p *Producer) DownSince() time.Time {
	if at := p.downSince.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// Close waits for the calls that run, until ctx ends; those left return ErrClosed. It waits
// for nothing else: batches that no call waits for are dropped.
func (p *Producer) Close(ctx context.Context) {
	p.mu.Lock()
	first := !isClosed(p.closing)
	if first {
		close(p.closing)
		if p.calls == 0 {
			close(p.idle)
		}
	}
	p.mu.Unlock()
	if first {
		select {
		case <-p.idle:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	p.closed = true // no more goroutines
	p.mu.Unlock()
	p.cancel()
	p.wait.Wait()
	if first {
		p.transport.close()
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// goLocked starts a goroutine unless the Producer is closed. It must be called with
// Producer.mu held.
func (p *Producer) goLocked(f func()) bool {
	if p.closed {
		return false
	}
	p.wait.Go(f)
	return true
}
