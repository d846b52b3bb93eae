package influxfault

import (
	"math/rand/v2"
	"time"
)

// Kind names what happens to a request that writes.
type Kind uint8

const (
	// Pass: applied, and answered as InfluxDB answers.
	Pass Kind = iota
	// ApplyHang: applied, and never answered.
	ApplyHang
	// ApplyError: applied, and answered 500.
	ApplyError
	// Hang: read, not applied, and never answered.
	Hang
	// ResetBefore: the connection is reset in the middle of the body; nothing
	// is applied.
	ResetBefore
	// ResetAfter: applied, then the connection is reset instead of an answer.
	ResetAfter
	// Unavailable: answered 503 with Retry-After, not applied.
	Unavailable
	// TooLarge: answered 413, not applied.
	TooLarge
	// Unauthorized: answered 401, not applied.
	Unauthorized
	// HalfAnswer: applied; the connection ends in the middle of InfluxDB's
	// answer, within its body if it has one, else within its header.
	HalfAnswer
	// HalfError: applied; answered 502 as by a gateway, and the connection ends
	// in the middle of the body whose length the header has declared.
	HalfError
	// SlowRequest: the body is read slowly, then as Pass.
	SlowRequest
	// SlowAnswer: applied; the answer comes a few bytes at a time.
	SlowAnswer
	// HoldRequest: read, and applied when Release is called, whether the client
	// has waited or not: a duplicate that comes late.
	HoldRequest
	// HoldAnswer: applied; answered when Release is called, if the client waits
	// for so long.
	HoldAnswer
	// Lie: answered 204, not applied. No client can notice: it is there to prove
	// that a test notices a loss.
	Lie

	kinds = iota
)

func (k Kind) String() string {
	return [kinds]string{
		"pass", "apply and hang", "apply and 500", "hang", "reset before", "reset after", "503", "413", "401",
		"half answer", "half error", "slow request", "slow answer", "hold request", "hold answer", "lie",
	}[k]
}

// Fault is what happens to one request. The zero value is Pass.
type Fault struct {
	Kind Kind
	// Time is how long SlowRequest and SlowAnswer take, and what Unavailable
	// asks for in Retry-After, in whole seconds; below one there is no such
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
