package tweetgen

import (
	"sync"
	"time"
)

// maxCatchUp is how far behind its schedule the generator may be and still make
// up for it. Without a bound, an hour of a stopped broker would be followed by
// an hour's tweets as fast as they can be made.
const maxCatchUp = time.Second

// pacer says what the next batch is and when it is due. Batches are numbered in
// one row for all workers.
type pacer struct {
	now       func() time.Time
	rate      float64 // tweets/s; 0 means that every batch is due at once
	batchSize int
	count     int64         // tweets in all; 0 means endless
	duration  time.Duration // 0 means endless
	mix       func(k int64, size int) counts

	mu     sync.Mutex
	start  time.Time
	k      int64
	tweets int64         // planned so far
	moved  time.Duration // of the schedule, for being late
	missed int64         // tweets for which there was no time, reported so far
}

// next plans a batch. It is not ok if there is to be no further one. missed is
// how many tweets the schedule was moved by: they are made later, so the count
// is reached, and the rate is not.
func (p *pacer) next() (next plan, due time.Time, missed int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.start.IsZero() {
		p.start = now
	}
	if p.count > 0 && p.tweets >= p.count || p.k >= maxBatches {
		return next, due, 0, false
	}
	if due = now; p.rate > 0 {
		due = p.due()
		if late := now.Sub(due); late > maxCatchUp {
			p.moved += late - maxCatchUp
			due = p.due()
		}
		all := int64(p.moved.Seconds() * p.rate)
		missed, p.missed = all-p.missed, all
	}
	if p.duration > 0 && max(now.Sub(p.start), due.Sub(p.start)) >= p.duration {
		return next, due, missed, false
	}
	size := p.batchSize
	if p.count > 0 {
		size = int(min(int64(size), p.count-p.tweets))
	}
	next = plan{k: p.k, counts: p.mix(p.k, size)}
	p.k++
	p.tweets += int64(size)
	return next, due, missed, true
}

// ended tells that the count has been planned, so that next will never be ok
// again.
func (p *pacer) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count > 0 && p.tweets >= p.count
}

// untilEnd is d, or less if duration is over before.
func (p *pacer) untilEnd(d time.Duration) time.Duration {
	if p.duration == 0 {
		return d
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(d, p.start.Add(p.duration).Sub(p.now()))
}

// due is when the next tweet is: computed from the start each time, so that no
// rounding and no late timer adds up.
func (p *pacer) due() time.Time {
	return p.start.Add(p.moved + time.Duration(float64(p.tweets)/p.rate*float64(time.Second)))
}
