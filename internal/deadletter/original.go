package deadletter

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// Original is what a letter says of its record, besides the value and the position.
type Original struct {
	Timestamp int64 // milliseconds since the Unix epoch; Unknown if it is not known
	// Key is that of the record, if KeyKnown. Nil is null.
	Key      []byte
	KeyKnown bool
	// Headers are those of the record, if HeadersKnown.
	Headers      []Header
	HeadersKnown bool
}

// prefixes begin the names of the headers that the writers of a form add to those of
// the record.
var prefixes = map[Form][]string{
	Spring:      {"kafka_dlt-"},
	SpringRetry: {"kafka_original-", "kafka_exception-", "kafka_key-exception-", "retry_topic-"},
	SpringCloud: {"x-original-", "x-exception-", "kafka_dlt-"},
	Connect:     {"__connect.errors."},
	Streams:     {"__streams.errors."},
}

// timestamps are the headers with the timestamp of the record. The writers of the other
// foreign forms give the letter that timestamp.
var timestamps = map[Form]string{
	Spring: "kafka_dlt-original-timestamp", SpringRetry: "kafka_original-timestamp", SpringCloud: "x-original-timestamp",
}

// Original returns what the letter says of its record. The letters of other programs
// are the record itself, with its key and headers, and headers of their own.
func (l *Letter) Original() Original {
	switch l.Form {
	case Ours:
		return l.ours()
	case Mapped, NoForm:
		return Original{Timestamp: l.Timestamp, Key: l.Key, KeyKnown: true, Headers: l.Headers, HeadersKnown: true}
	}
	o := Original{Timestamp: l.Timestamp, Key: l.Key, KeyKnown: true, HeadersKnown: true}
	if name, has := timestamps[l.Form]; has {
		o.Timestamp = Unknown
		if h := l.last(name); h != nil {
			if n, ok := Number(h.Value); ok {
				o.Timestamp = n
			}
		}
	}
	for _, h := range l.Headers {
		own := false
		for _, prefix := range prefixes[l.Form] {
			own = own || strings.HasPrefix(h.Name, prefix)
		}
		if !own {
			o.Headers = append(o.Headers, h)
		}
	}
	return o
}

// ours reads what letters of the shipped pipelines carry: see contract.DeadTimestamp.
func (l *Letter) ours() Original {
	o := Original{Timestamp: Unknown}
	at := l.last(contract.DeadTimestamp)
	if at == nil {
		return o
	}
	millis, err := strconv.ParseInt(string(at.Value), 10, 64)
	if err != nil {
		return o
	}
	o.Timestamp, o.KeyKnown, o.HeadersKnown = millis, true, true
	if left := l.last(contract.DeadLeftOut); left != nil {
		for what := range strings.FieldsSeq(string(left.Value)) {
			o.KeyKnown = o.KeyKnown && what != contract.LeftOutKey
			o.HeadersKnown = o.HeadersKnown && what != contract.LeftOutHeaders
		}
	}
	if key := l.last(contract.DeadKey); key != nil && o.KeyKnown {
		o.Key = append([]byte{}, key.Value...)
	}
	if headers := l.last(contract.DeadHeaders); headers != nil && o.HeadersKnown {
		o.Headers, o.HeadersKnown = carriedHeaders(headers.Value)
	}
	return o
}

// carriedHeaders reads contract.DeadHeaders.
func carriedHeaders(text []byte) (headers []Header, ok bool) {
	var pairs [][2]*string
	if json.Unmarshal(text, &pairs) != nil {
		return nil, false
	}
	for _, pair := range pairs {
		if pair[0] == nil {
			return nil, false
		}
		h := Header{Name: *pair[0]}
		if pair[1] != nil {
			value, err := base64.StdEncoding.DecodeString(*pair[1])
			if err != nil {
				return nil, false
			}
			h.Value = value
		}
		headers = append(headers, h)
	}
	return headers, true
}

// last returns the last header of a name, nil if there is none.
func (l *Letter) last(name string) *Header {
	for i := len(l.Headers) - 1; i >= 0; i-- {
		if l.Headers[i].Name == name {
			return &l.Headers[i]
		}
	}
	return nil
}
