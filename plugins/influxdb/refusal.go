package influxdb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// refusal is a line, or a message, that is rejected by InfluxDB or before it is sent.
type refusal struct {
	message int    // index in the batch
	bucket  string // empty if not known yet
	line    int    // index in the call; -1: it never became a line
	text    []byte // the line; nil: the message itself
	status  int    // of InfluxDB's response; 0: rejected before it was sent
	reason  string
	class   string // one of those below, for the metric
}

// Reasons to reject a message or a line before it is sent, in addition to those of
// lineproto.
var (
	errNoBucket    = errors.New("its bucket name is empty")
	errNoTime      = errors.New("no timestamp: InfluxDB would use the time of arrival, and a retry would create a second point")
	errLineTooLong = fmt.Errorf("the line %w: it exceeds max_body_bytes", lineproto.ErrTooLong)
)

// noBucket is the error of a message whose bucket cannot be determined.
type noBucket struct{ error }

func (b noBucket) Unwrap() error { return b.error }

// Classes of reasons.
const (
	classMalformed = "malformed"     // not line protocol, or a value that line protocol cannot carry
	classTimestamp = "timestamp"     // missing, a float, or outside of what InfluxDB stores
	classTooLarge  = "too_large"     // a line, key or value
	classConflict  = "type_conflict" // the field has another type already
	classRetention = "retention"     // older than the bucket keeps
	classLimit     = "limit"         // of series or of values of a tag
	classBucket    = "bucket"        // the message names one that does not exist
	classOther     = "other"
	// classUnexplained: rejected repeatedly for no known reason, while its bucket accepted
	// other points.
	classUnexplained = "unexplained"
)

func classes() []string {
	return []string{
		classMalformed, classTimestamp, classTooLarge, classConflict, classRetention, classLimit, classBucket, classOther,
		classUnexplained,
	}
}

// refusedHere returns the refusal of a message or line before it is sent.
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
	// The error may contain a key or value of any length.
	return refusal{message: message, line: -1, text: text, reason: letter.Clean(err.Error(), nil), class: class}
}

// classOf returns the class of InfluxDB's error text.
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
