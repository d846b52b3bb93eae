package secret

import (
	"errors"
	"net/url"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// NoURL is a Bloblang condition on the text of an address: it cannot be parsed.
const NoURL = `this.parse_url().catch(null) == null`

// WrongURL is what lint and URL say of such an address. It may hold a password, which
// the error of a parser would print, so nothing of it is shown.
func WrongURL(field string) string {
	return field + " is no URL, and is not shown, since it may hold a password: percent-encode special characters in a user or a password, such as % as %25"
}

// URL returns the address that a field holds. Benthos's own FieldURL prints what it
// cannot parse.
func URL(parsed *service.ParsedConfig, path ...string) (*url.URL, error) {
	text, err := parsed.FieldString(path...)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New(WrongURL(strings.Join(path, ".")))
	}
	return u, nil
}
