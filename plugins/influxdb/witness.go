package influxdb

import "sync"

// witness records, for buckets with failing requests, whether they accept other points
// meanwhile: then the server is not at fault.
type witness struct {
	mu      sync.Mutex
	buckets map[string]*watched // those with a watch
}

type watched struct {
	watchers int
	stored   int // requests with points that were accepted
	flaps    int // points that were rejected without a reason, and then accepted
}

func newWitness() *witness { return &witness{buckets: map[string]*watched{}} }

// accepted records that a bucket has accepted points.
func (w *witness) accepted(bucket string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b := w.buckets[bucket]; b != nil {
		b.stored++
	}
}

// flapped records that a bucket has accepted points that it rejected before: it rejects
// at random, as if one of several servers behind an address did.
func (w *witness) flapped(bucket string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b := w.buckets[bucket]; b != nil {
		b.flaps++
	}
}

// watch observes a bucket from a point in time on.
type watch struct {
	*witness
	bucket string
	seen   int // stored at that time
	flaps  int
}

// watch begins to observe a bucket; end must be called.
func (w *witness) watch(bucket string) *watch {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.buckets[bucket]
	if b == nil {
		b = &watched{}
		w.buckets[bucket] = b
	}
	b.watchers++
	return &watch{w, bucket, b.stored, b.flaps}
}

// others reports whether the bucket has accepted points since the watch began or
// was renewed.
func (w *watch) others() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buckets[w.bucket].stored > w.seen
}

// byChance reports whether the bucket has rejected points at random in that time.
func (w *watch) byChance() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buckets[w.bucket].flaps > w.flaps
}

func (w *watch) renew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.flaps = w.buckets[w.bucket].stored, w.buckets[w.bucket].flaps
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.buckets[w.bucket]
	if b.watchers--; b.watchers == 0 {
		delete(w.buckets, w.bucket)
	}
}
