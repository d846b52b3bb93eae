package tweetgen

import (
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/shape"
)

// maxCatchUp is how much of a delay the generator catches up with. Without a bound,
// an outage of an hour would be followed by an hour's tweets at full speed.
const maxCatchUp = time.Second

// partsPerSecond is the minimum number of deliveries per second with a rate: a batch
// of more than a tenth of a second's tweets is delivered in parts. Whole batches at a
// low rate would be seconds apart, and a chart of the rate a sawtooth.
const partsPerSecond = 10

// pacer plans the batches and when they are due. Batches are numbered in one sequence
// for all workers. The content of a batch depends only on the seed and its number; the
// rate only determines its parts.
type pacer struct {
	now       func() time.Time
	rate      float64      // tweets/s; 0 means that every batch is due at once
	shape     *shape.Shape // instead of a rate; nil without one
	batchSize int
	count     int64         // tweets in all; 0 means endless
	duration  time.Duration // 0 means endless
	mix       func(k int64, size int) counts

	mu     sync.Mutex
	start  time.Time
	k      int64         // of the next batch
	rest   plan          // of the current batch, from its next tweet on
	tweets int64         // planned so far
	moved  time.Duration // total delay of the schedule
	behind float64       // delayed tweets
	missed int64         // of these, reported so far
}

// next returns the plan of the next batch, or of a part of one. ok is false after the
// last. missed is the number of tweets by which the schedule has moved: they are
// generated later, so the count is reached, but the rate is not.
func (p *pacer) next() (next plan, due time.Time, missed int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.start.IsZero() {
		p.start = now
	}
	if p.count > 0 && p.tweets >= p.count || p.k >= maxBatches && p.rest.size() == 0 {
		return next, due, 0, false
	}
	if due = now; p.rate > 0 || p.shape != nil {
		due = p.due()
		if late := now.Sub(due); late > maxCatchUp {
			p.move(due, late-maxCatchUp)
			due = p.due()
		}
		all := int64(p.behind)
		missed, p.missed = all-p.missed, all
	}
	if p.duration > 0 && max(now.Sub(p.start), due.Sub(p.start)) >= p.duration {
		return next, due, missed, false
	}
	next = p.part()
	p.tweets += int64(next.size())
	return next, due, missed, true
}

// part returns the next part of the current batch, or of a new one.
func (p *pacer) part() plan {
	if p.rest.size() == 0 {
		size := p.batchSize
		if p.count > 0 {
			size = int(min(int64(size), p.count-p.tweets))
		}
		p.rest = wholeBatch(p.k, p.mix(p.k, size))
		p.k++
	}
	next := p.rest
	if size, most := next.size(), p.mostInPart(); size > most {
		// Parts of equal size, or the last would be small.
		parts := (size + most - 1) / most
		next.to = next.from + (size+parts-1)/parts
	}
	p.rest.from = next.to
	return next
}

func (p *pacer) mostInPart() int {
	most := float64(p.batchSize)
	switch {
	case p.shape != nil:
		due, _ := p.shape.Due(p.tweets)
		most = float64(p.shape.Count(due+time.Second/partsPerSecond) - p.tweets)
	case p.rate > 0:
		most = p.rate / partsPerSecond
	}
	return int(max(1, min(most, float64(p.batchSize))))
}

// move delays the schedule by d. due is when the next tweet was due.
func (p *pacer) move(due time.Time, d time.Duration) {
	p.moved += d
	if p.shape == nil {
		p.behind = p.moved.Seconds() * p.rate
		return
	}
	at := due.Sub(p.start) - p.moved + d
	p.behind += p.shape.Between(at, at+d)
}

// ended reports whether the count is planned, so that next will always report false.
func (p *pacer) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count > 0 && p.tweets >= p.count
}

// untilEnd returns d, or less if duration ends earlier.
func (p *pacer) untilEnd(d time.Duration) time.Duration {
	if p.duration == 0 {
		return d
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(d, p.start.Add(p.duration).Sub(p.now()))
}

// due returns when the next tweet is due. It is computed from the start each time, so
// rounding errors and late timers do not add up. A shape has all tweets of the count.
func (p *pacer) due() time.Time {
	if p.shape != nil {
		at, _ := p.shape.Due(p.tweets)
		return p.start.Add(p.moved + at)
	}
	return p.start.Add(p.moved + time.Duration(float64(p.tweets)/p.rate*float64(time.Second)))
}
