package tweetgen

import (
	"math/rand/v2"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// Values of key.
const (
	keyNone  = "none"
	keyBrand = "brand"
	keyID    = "id"
	keyUser  = "user"
)

const userPrefix = "user_"

// header is a header of every record: a constant, or random hexadecimal digits.
type header struct {
	name, value string
	randomHex   int
}

// envelope is what a record has beside its tweet. It draws from streams of its own, so
// it does not change the tweets.
type envelope struct {
	key     string
	brands  parts  // as keys
	users   picker // as keys
	headers recordbatch.RecordHeaders
	random  []digits // in headers

	maxKeyBytes int
	fields      int // the key, if there is one, and the headers
}

// digits are where random digits go in the encoded headers.
type digits struct{ from, to int }

func newEnvelope(c *content) envelope {
	e := envelope{key: c.key}
	switch c.key {
	case keyBrand:
		for _, b := range c.brands {
			e.brands.add([]byte(b.name))
		}
		e.maxKeyBytes = e.brands.longest()
	case keyID:
		e.maxKeyBytes = uuidBytes
	case keyUser:
		e.users = newPicker(zipf(c.keyCount, c.keyZipf))
		e.maxKeyBytes = len(userPrefix) + len(strconv.Itoa(c.keyCount))
	}
	if e.fields = len(c.headers); e.keyed() {
		e.fields++
	}
	for _, h := range c.headers {
		value := []byte(h.value)
		if h.randomHex > 0 {
			value = make([]byte, h.randomHex)
		}
		e.headers = e.headers.Append(h.name, value)
		if h.randomHex > 0 {
			e.random = append(e.random, digits{len(e.headers) - h.randomHex, len(e.headers)})
		}
	}
	return e
}

// metadataBytes returns what key and headers take in a message, where they are metadata,
// beside those of the batch: by the heap, like messageBytes.
func (e *envelope) metadataBytes() int {
	if e.empty() {
		return 0
	}
	const metadata, entry = 350, 75
	return metadata + entry*e.fields + e.maxKeyBytes + len(e.headers)
}

// empty reports whether records have neither keys nor headers.
func (e *envelope) empty() bool { return !e.keyed() && len(e.headers) == 0 }

func (e *envelope) keyed() bool { return e.key != keyNone && e.key != "" }

// wrapping is the state of an envelope while a batch is drawn: key and headers of the
// latest tweet.
type wrapping struct {
	keys, digits rand.PCG
	key          []byte
	headers      recordbatch.RecordHeaders
}

func (w *wrapping) begin(e *envelope, seed uint64, k int64) {
	w.keys.Seed(seed^keyStream, uint64(k))
	w.digits.Seed(seed^headerStream, uint64(k))
	w.key = make([]byte, 0, e.maxKeyBytes)
	w.headers = append(recordbatch.RecordHeaders(nil), e.headers...)
}

func (w *wrapping) next(e *envelope, one *drawn) {
	switch e.key {
	case keyBrand:
		w.key = e.brands.at(one.brand)
	case keyID:
		w.key = append(w.key[:0], noUUID...)
		putUUID(w.key, one.high, one.low)
	case keyUser:
		user := e.users.pick(uint32(w.keys.Uint64() >> 32))
		w.key = strconv.AppendInt(append(w.key[:0], userPrefix...), int64(user+1), 10)
	default:
		w.key = nil
	}
	for _, d := range e.random {
		into := w.headers[d.from:d.to]
		for len(into) > 0 {
			bits := w.digits.Uint64()
			n := min(16, len(into))
			for i := range n {
				into[i] = hexDigits[bits>>60]
				bits <<= 4
			}
			into = into[n:]
		}
	}
}

// setEnvelope sets key and headers as metadata, where outputs for Kafka find them.
func (b *batch) setEnvelope(m *service.Message, i int) {
	if len(b.keys.ends) > 0 {
		m.MetaSetMut(contract.KafkaKey, b.keys.at(i))
	}
	if len(b.headers.ends) > 0 {
		for name, value := range recordbatch.RecordHeaders(b.headers.at(i)).All() {
			m.MetaSetMut(string(name), string(value))
		}
	}
}
