package influxfault

import (
	"math/rand/v2"
	"time"
)

// Kind is what the proxy does with a request that writes.
type Kind uint8

const (
	// Pass applies the request and returns InfluxDB's response.
	Pass Kind = iota
	// ApplyHang applies the request and never responds.
	ApplyHang
	// ApplyError applies the request and responds 500.
	ApplyError
	// Hang reads the request, does not apply it, and never responds.
	Hang
	// ResetBefore resets the connection in the middle of the body and applies nothing.
	ResetBefore
	// ResetAfter applies the request and resets the connection instead of responding.
	ResetAfter
	// Unavailable responds 503 with Retry-After and applies nothing.
	Unavailable
	// TooLarge responds 413 and applies nothing.
	TooLarge
	// Unauthorized responds 401 and applies nothing.
	Unauthorized
	// HalfAnswer applies the request and closes the connection in the middle of
	// InfluxDB's response: in its body if it has one, otherwise in its header.
	HalfAnswer
	// HalfError applies the request, responds 502 as a gateway does, and closes the
	// connection in the middle of the body whose length the header has declared.
	HalfError
	// TooMany responds 429, otherwise like Unavailable.
	TooMany
	// SlowRequest reads the body slowly, then passes the request.
	SlowRequest
	// SlowAnswer applies the request and sends the response a few bytes at a time.
	SlowAnswer
	// HoldRequest reads the request and applies it when Release is called, whether the
	// client is still waiting or not: a late duplicate.
	HoldRequest
	// HoldAnswer applies the request and sends the response when Release is called, if
	// the client is still waiting.
	HoldAnswer
	// Page responds 200 with a page of text and applies nothing, like a login page in
	// between, or another server at the address.
	Page
	// Lie responds 204 and applies nothing. No client can notice that: it proves that a
	// test notices a loss.
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
	// Time is how long SlowRequest and SlowAnswer take, and the Retry-After of
	// Unavailable and TooMany in whole seconds. Below one second there is no such
	// header.
	Time time.Duration
}

// Request is what is known of a request when its fault is chosen, before its body is
// read.
type Request struct {
	// Number counts the requests with points, from 0. It is -1 for a request without a
	// body, which tests address, token and bucket.
	Number int
	// Bytes is the length of the body as sent; -1 if the header does not declare it.
	Bytes int64
}

// Decide chooses the fault of a request. Several goroutines call it at once.
type Decide func(Request) Fault

// Always returns a Decide that gives each request with points the same fault.
func Always(fault Fault) Decide {
	return Seeded(0, 1, fault)
}

// Above returns a Decide that responds 413 to requests of more bytes.
func Above(bytes int64) Decide {
	return func(r Request) Fault {
		if r.Bytes > bytes {
			return Fault{Kind: TooLarge}
		}
		return Fault{}
	}
}

// Seeded returns a Decide that gives a share of the requests with points, 0 to 1, one
// of the faults. The fault of request n depends only on seed and n, so a run can be
// repeated as far as its requests arrive in the same order.
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
