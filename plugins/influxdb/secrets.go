package influxdb

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

const (
	// minSecret and minHeader are the shortest values that are masked: shorter
	// ones are parts of ordinary words, which masking would take apart. Headers
	// are all treated as secrets, and few are.
	minSecret = 3
	minHeader = 6
)

// masking returns what masks the secrets of the configuration in text from a
// server, nil if there are none: a page of a gateway can repeat the headers of the
// request.
func masking(conf config) func(string) string {
	var secrets []string
	add := func(least int, values ...string) {
		for _, value := range values {
			if len(value) >= least {
				secrets = append(secrets, value)
			}
		}
	}
	add(minSecret, conf.token, conf.password)
	if _, password, ok := strings.Cut(conf.token, ":"); ok { // of 1.8
		add(minSecret, password)
	}
	if conf.username != "" {
		add(minSecret, base64.StdEncoding.EncodeToString([]byte(conf.username+":"+conf.password)))
	}
	if conf.proxy != nil {
		if password, ok := conf.proxy.User.Password(); ok {
			add(minSecret, password, base64.StdEncoding.EncodeToString([]byte(conf.proxy.User.Username()+":"+password)))
		}
	}
	for _, value := range conf.headers {
		add(minHeader, value)
		if _, credentials, ok := strings.Cut(value, " "); ok { // such as Bearer x
			add(minHeader, credentials)
		}
	}
	if len(secrets) == 0 {
		return nil
	}
	for _, secret := range slices.Clone(secrets) {
		quoted, _ := json.Marshal(secret) // a string always has a form
		secrets = append(secrets, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
			string(quoted[1:len(quoted)-1]), strings.ReplaceAll(strings.ReplaceAll(secret, `\`, `\\`), `"`, `\"`))
	}
	// A strings.Replacer takes the first of several that begin at one place.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, secret := range slices.Compact(secrets) {
		pairs = append(pairs, secret, "***")
	}
	return strings.NewReplacer(pairs...).Replace
}
