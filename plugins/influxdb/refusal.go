package influxdb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// refusal is a line, or a message, that InfluxDB will not have.
type refusal struct {
	message int    // which of the batch
	bucket  string // where it was to go; empty: it never got so far
	line    int    // which of the call's lines; -1: it never became one
	text    []byte // the line; nil: the message as it is
	status  int    // InfluxDB's answer; 0: refused before it was sent
	reason  string
	class   string // of the fixed list below, for the metric
}

// Why a message or a line is refused before anything is sent, besides the
// reasons of lineproto.
var (
	errNoBucket    = errors.New("the bucket that it names is empty")
	errNoTime      = errors.New("no timestamp: InfluxDB would take the time of arrival, and a resend would make a second point")
	errLineTooLong = fmt.Errorf("the line %w: it is above max_body_bytes", lineproto.ErrTooLong)
)

// noBucket is an error for a message whose bucket is not known.
type noBucket struct{ error }

func (b noBucket) Unwrap() error { return b.error }

// Classes of reasons.
const (
	classMalformed = "malformed"     // no line protocol, or nothing that it can carry
	classTimestamp = "timestamp"     // none, a float, or outside what InfluxDB stores
	classTooLarge  = "too_large"     // a line, a key or a value
	classConflict  = "type_conflict" // a field has another type already
	classRetention = "retention"     // older than the bucket keeps
	classLimit     = "limit"         // of series or of values of a tag
	classBucket    = "bucket"        // the message names one that is not there
	classOther     = "other"
	// classUnexplained is refused again and again, while its bucket accepted others.
	classUnexplained = "unexplained"
)

func classes() []string {
	return []string{
		classMalformed, classTimestamp, classTooLarge, classConflict, classRetention, classLimit, classBucket, classOther,
		classUnexplained,
	}
}

// refusedHere is a refusal before anything was sent.
func refusedHere(message int, text []byte, err error) refusal {
	class := classMalformed
	switch {
	case errors.Is(err, errNoBucket), errors.As(err, new(noBucket)):
		class = classBucket
	case errors.Is(err, lineproto.ErrTooLong):
		class = classTooLarge
	case errors.Is(err, errNoTime), errors.Is(err, errTimestamp),
		errors.Is(err, lineproto.ErrTimestamp), errors.Is(err, lineproto.ErrTimeOutside):
		class = classTimestamp
	}
	// The error may repeat a key or value of the message, of any length.
	return refusal{message: message, line: -1, text: text, reason: clean(err.Error(), nil), class: class}
}

// classOf sorts the refusals of InfluxDB by its words.
func classOf(d decision, reason string) string {
	if d.class != "" {
		return d.class
	}
	if d.status == http.StatusRequestEntityTooLarge {
		return classTooLarge
	}
	for _, known := range []struct{ words, class string }{
		{"unable to parse", classMalformed},
		{"invalid tag key", classMalformed},
		{"invalid field name", classMalformed},
		{"errors encountered on line", classMalformed},
		{"field type conflict", classConflict},
		{"invalid column type", classConflict},
		{"retention policy", classRetention},
		{"max-values-per-tag", classLimit},
		{"max-series-per-database", classLimit},
		{"would exceed", classLimit},
		{"too long", classTooLarge},
		{"error parsing line", classMalformed},
		{"line protocol", classMalformed},
	} {
		if strings.Contains(reason, known.words) {
			return known.class
		}
	}
	return classOther
}
