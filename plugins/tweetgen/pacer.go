package tweetgen

import (
	"sync"
	"time"
)

// maxCatchUp is how far behind its schedule the generator may be and still make
// up for it. Without a bound, an hour of a stopped broker would be followed by
// an hour's tweets as fast as they can be made.
const maxCatchUp = time.Second

// partsPerSecond is how often tweets leave at least at a rate: a batch that holds
// more than a tenth of a second's tweets leaves in parts. Whole, it would leave
// gaps of seconds at a low rate, and a rate drawn from it would be a sawtooth.
const partsPerSecond = 10

// pacer plans the batches, and when they are due. Batches are numbered in one
// sequence for all workers. What a batch holds depends on the seed and its number
// alone, so the rate decides only in which parts it leaves.
type pacer struct {
	now       func() time.Time
	rate      float64 // tweets/s; 0 means that every batch is due at once
	batchSize int
	count     int64         // tweets in all; 0 means endless
	duration  time.Duration // 0 means endless
	mix       func(k int64, size int) counts

	mu     sync.Mutex
	start  time.Time
	k      int64         // of the next batch
	rest   plan          // of the current batch, from its next tweet on
	tweets int64         // planned so far
	moved  time.Duration // of the schedule, for being late
	missed int64         // tweets for which there was no time, reported so far
}

// next plans a batch, or a part of one. ok is false after the last. missed is
// the number of tweets that the schedule was moved by: they are made later, so
// the count is reached, and the rate is not.
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
	next = p.part()
	p.tweets += int64(next.size())
	return next, due, missed, true
}

// part cuts the next part off the current batch, or off a new one.
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
		// Parts of one size, or the last would be a small one.
		parts := (size + most - 1) / most
		next.to = next.from + (size+parts-1)/parts
	}
	p.rest.from = next.to
	return next
}

func (p *pacer) mostInPart() int {
	if p.rate == 0 {
		return p.batchSize
	}
	return int(max(1, min(p.rate/partsPerSecond, float64(p.batchSize))))
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
