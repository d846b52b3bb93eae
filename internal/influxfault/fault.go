package influxfault

import (
	"math/rand/v2"
	"time"
)

// Kind names what happens to a request that writes.
type Kind uint8

const (
	// Pass applies it and answers as InfluxDB does.
	Pass Kind = iota
	// ApplyHang applies it and never answers.
	ApplyHang
	// ApplyError applies it and answers 500.
	ApplyError
	// Hang reads it, does not apply it, and never answers.
	Hang
	// ResetBefore resets the connection in the middle of the body and applies
	// nothing.
	ResetBefore
	// ResetAfter applies it and resets the connection instead of an answer.
	ResetAfter
	// Unavailable answers 503 with Retry-After and applies nothing.
	Unavailable
	// TooLarge answers 413 and applies nothing.
	TooLarge
	// Unauthorized answers 401 and applies nothing.
	Unauthorized
	// HalfAnswer applies it and ends the connection in the middle of InfluxDB's
	// answer, within its body if it has one, else within its header.
	HalfAnswer
	// HalfError applies it, answers 502 as a gateway does, and ends the
	// connection in the middle of the body whose length the header has declared.
	HalfError
	// TooMany answers 429, as Unavailable does.
	TooMany
	// SlowRequest reads the body slowly, then it is Pass.
	SlowRequest
	// SlowAnswer applies it and answers a few bytes at a time.
	SlowAnswer
	// HoldRequest reads it and applies it when Release is called, whether the
	// client has waited or not: a duplicate that comes late.
	HoldRequest
	// HoldAnswer applies it and answers when Release is called, if the client
	// waits for so long.
	HoldAnswer
	// Page answers 200 with a page of text and applies nothing, as a login page on
	// the way does, or another server at the address.
	Page
	// Lie answers 204 and applies nothing. No client can notice: it is there to
	// prove that a test notices a loss.
	Lie

	kinds = iota
)

func (k Kind) String() string {
	return [kinds]string{
		"pass", "apply and hang", "apply and 500", "hang", "reset before", "reset after", "503", "413", "401",
		"half answer", "half error", "429", "slow request", "slow answer", "hold request", "hold answer", "page", "lie",
	}[k]
}

// Fault is what happens to one request. The zero value is Pass.
type Fault struct {
	Kind Kind
	// Time is how long SlowRequest and SlowAnswer take, and what Unavailable and
	// TooMany ask for in Retry-After, in whole seconds; below one there is no such
	// header.
	Time time.Duration
}

// Request is what is known when a fault is decided: before the body is read.
type Request struct {
	// Number counts the requests with points, from 0. It is -1 for one without
	// a body, which tries address, token and bucket.
	Number int
	// Bytes is the length of the body as it is sent; -1 if the header does not
	// say.
	Bytes int64
}

// Decide chooses the fault of a request. It is called by several goroutines at
// once.
type Decide func(Request) Fault

// Always gives each request with points the same fault.
func Always(fault Fault) Decide {
	return Seeded(0, 1, fault)
}

// Above answers 413 to requests of more bytes.
func Above(bytes int64) Decide {
	return func(r Request) Fault {
		if r.Bytes > bytes {
			return Fault{Kind: TooLarge}
		}
		return Fault{}
	}
}

// Seeded gives a share of the requests with points, 0 to 1, one of the faults.
// What happens to request n depends on seed and n alone, so a run can be
// repeated as far as its requests come in the same order.
func Seeded(seed uint64, share float64, faults ...Fault) Decide {
	return func(r Request) Fault {
		if r.Number < 0 {
			return Fault{}
		}
		random := rand.New(rand.NewPCG(seed, uint64(r.Number)))
		if random.Float64() >= share {
			return Fault{}
		}
		return faults[random.IntN(len(faults))]
	}
}
