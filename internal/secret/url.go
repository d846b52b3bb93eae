package secret

import (
	"errors"
	"net/url"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// NoURL is a Bloblang condition on the text of an address: it cannot be parsed.
const NoURL = `this.parse_url().catch(null) == null`

// WrongURL is the message of lint and URL about such an address. It does not show the
// address, which may contain a password; a parser's error would.
func WrongURL(field string) string {
	return field + " is not a valid URL. (It may contain a password, so it is not shown.) Percent-encode special characters in its user and password, for example % as %25"
}

// URL returns the address in a field. Benthos's own FieldURL prints an address that it
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
