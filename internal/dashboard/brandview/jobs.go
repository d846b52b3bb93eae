package brandview

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// sliceShort and sliceLong are how long InfluxDB should take for a slice of
	// what is older: the newest seconds wait for it.
	sliceShort = 100 * time.Millisecond
	sliceLong  = 400 * time.Millisecond
	// sliceFirst is how many windows the first slice has.
	sliceFirst = 12
)

// job reads what is older, from the newest to the oldest, slice by slice, and
// then again after some time.
type job struct {
	name    string // of the range, empty for the base
	step    int64
	windows int64
	again   time.Duration

	due   time.Time
	below int64 // the slice that comes next ends here; 0 begins anew
	slice int64 // windows
}

func newJobs() []*job {
	jobs := []*job{
		{step: 1, windows: recentSeconds, again: recentAgain, slice: recentSeconds},
		{step: 1, windows: baseSeconds, again: baseAgain, slice: sliceFirst * 5},
	}
	for _, r := range Ranges {
		if r.again > 0 {
			jobs = append(jobs, &job{name: r.Name, step: r.Step, windows: int64(r.kept()), again: r.again, slice: sliceFirst})
		}
	}
	return jobs
}

// older does slices that are due until the newest seconds are due again. Ranges
// at which nobody looks wait.
func (p *poller) older(ctx context.Context, begin time.Time) error {
	for {
		now := time.Now()
		next := slices.IndexFunc(p.jobs, func(j *job) bool {
			return !now.Before(j.due) && (j.name == "" || p.view.watching.at(j.name))
		})
		if next < 0 || now.Sub(begin) >= interval {
			return nil
		}
		if err := p.slice(ctx, p.jobs[next], now); err != nil {
			return err
		}
	}
}

func (p *poller) slice(ctx context.Context, j *job, now time.Time) error {
	head, filled := p.store.reach()
	newest := head - mod(head, j.step)
	end := newest - (j.windows-1)*j.step
	if j.below == 0 {
		j.below = newest + j.step
		if j.name != "" {
			// What lies in the base is known from there.
			j.below = filled - mod(filled, j.step) + j.step
		}
	}
	from := max(end, j.below-j.slice*j.step)
	if from < j.below {
		begin := time.Now()
		err := p.ask(ctx, j.name, j.step, from, j.below)
		switch took := time.Since(begin); {
		case j.slice > 1 && (errors.Is(err, errTooLarge) || errors.Is(err, context.DeadlineExceeded)):
			j.slice = max(1, j.slice/4)
			return nil
		case err != nil:
			return err
		case took > sliceLong:
			j.slice = max(1, j.slice/2)
		case took < sliceShort:
			j.slice = min(j.windows, j.slice*2)
		}
		j.below = from
	}
	if j.below <= end {
		j.below, j.due = 0, now.Add(j.again)
	}
	return nil
}

// reach gives the newest second, and the second from which on all are in the base.
func (s *store) reach() (head, filled int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base.head, s.base.filled
}
