package brandview

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Kinds of problems, each with something else to do about it.
const (
	Unreachable = "unreachable" // nothing answers at the address
	Refused     = "refused"     // the token is wrong, or may not read the bucket
	Missing     = "missing"     // there is no such bucket
	Slow        = "slow"        // no answer in time
	Failing     = "failing"     // any other answer that is none
)

// Problem is why InfluxDB gives no numbers.
type Problem struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (p *Problem) Error() string { return p.Message }

// errTooLarge is an answer with more rows than are taken at once.
var errTooLarge = errors.New("the answer has too many rows")

// problemOf tells what an error of the client means.
func problemOf(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.DeadlineExceeded):
		return &Problem{Kind: Slow, Message: "InfluxDB did not respond in time"}
	case errors.Is(err, errTooLarge):
		return &Problem{Kind: Failing, Message: "one second holds more brands than the dashboard can read"}
	}
	return &Problem{Kind: Unreachable, Message: err.Error()}
}

// answered is the problem that an answer with a status other than 200 means.
func answered(status int, text string) *Problem {
	p := &Problem{Kind: Failing, Message: fmt.Sprintf("InfluxDB responded %d: %s", status, text)}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		p.Kind = Refused
	case http.StatusNotFound:
		p.Kind = Missing
	default:
		if said := said(text); said.Kind != Failing {
			p.Kind = said.Kind
		}
	}
	return p
}

// said is the problem that the text of an answer means. In 1.8 a database that
// is not there is an error in an answer of status 200.
func said(text string) *Problem {
	p := &Problem{Kind: Failing, Message: "InfluxDB responded: " + text}
	for _, part := range []string{"database not found", "retention policy not found", "dbrp mapping not found", "bucket not found", "could not find bucket"} {
		if strings.Contains(strings.ToLower(text), part) {
			p.Kind = Missing
		}
	}
	return p
}
