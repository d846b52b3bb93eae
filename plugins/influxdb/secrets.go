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
	// are all treated as secrets, although few are.
	minSecret = 3
	minHeader = 6
)

// masking returns a function that masks the secrets of the configuration in text from a
// server, or nil if there are none: an error page can contain the request headers.
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
		quoted, _ := json.Marshal(secret) // never fails for a string
		secrets = append(secrets, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
			string(quoted[1:len(quoted)-1]), strings.ReplaceAll(strings.ReplaceAll(secret, `\`, `\\`), `"`, `\"`))
	}
	// Of several matches at one place, a strings.Replacer uses the first.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, secret := range slices.Compact(secrets) {
		pairs = append(pairs, secret, "***")
	}
	return strings.NewReplacer(pairs...).Replace
}
