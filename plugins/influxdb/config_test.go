package influxdb

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const minimal = "url: http://localhost:8086\nbucket: b\n"

// TestWrongSettings breaks if a wrong setting is found neither by lint nor, where
// lint is skipped, by the constructor, or is found without saying which it is.
func TestWrongSettings(t *testing.T) {
	for name, test := range map[string]struct{ yaml, want string }{
		"no scheme":              {yaml: "url: localhost:8086\nbucket: b", want: "url must be like"},
		"user in url":            {yaml: "url: http://u:p@localhost:8086\nbucket: b", want: "token"},
		"query in url":           {yaml: "url: http://localhost:8086?p=x\nbucket: b", want: "token"},
		"version":                {yaml: minimal + "version: v3", want: "v3"},
		"token and user":         {yaml: minimal + "token: t\nusername: u", want: "set one of them"},
		"password alone":         {yaml: minimal + "password: p", want: "password needs username"},
		"user of v2":             {yaml: minimal + "username: u\nversion: v2", want: "username is for the v1 API"},
		"org and user":           {yaml: minimal + "username: u\norg: o", want: "remove org"},
		"org of v1":              {yaml: minimal + "version: v1\norg: o", want: "remove org"},
		"creates what it hears":  {yaml: "url: http://localhost:8086\nbucket: ${! @b }\ncreate_bucket: true", want: "create_bucket needs a fixed bucket"},
		"looks at what it hears": {yaml: "url: http://localhost:8086\nbucket: ${! @b }\nreplay_window: 1h", want: "replay_window needs a fixed bucket"},
		"retention is too short": {yaml: minimal + "create_bucket: true\nretention: 24h\nreplay_window: 168h", want: "shorter than replay_window"},
		"replay_window":          {yaml: minimal + "replay_window: -1h", want: "at least 0s"},
		"on_unsupported":         {yaml: minimal + "on_unsupported: drop", want: "drop"},
		"proxy_url":              {yaml: minimal + "proxy_url: proxy:3128", want: "proxy_url must be like"},
		"proxy_url no URL":       {yaml: minimal + "proxy_url: http://joe:canary100%sure@proxy:3128", want: "proxy_url is not a valid URL"},
		"proxy_url no port":      {yaml: minimal + "proxy_url: http://joe:canary@proxy:port", want: "proxy_url is not a valid URL"},
		"proxy_url no scheme":    {yaml: minimal + "proxy_url: joe:canary@proxy:3128", want: "proxy_url"},
		"proxy_url, a control":   {yaml: minimal + "proxy_url: \"http://joe:can\\tary@proxy:3128\"", want: "proxy_url is not a valid URL"},
		"url no URL":             {yaml: "url: http://joe:canary100%sure@localhost\nbucket: b", want: "url"},
		"url no port":            {yaml: "url: http://localhost:canary\nbucket: b", want: "url is not a valid URL"},
		"header of the token":    {yaml: minimal + "headers: { authorization: x }", want: "set token"},
		"header of the output":   {yaml: minimal + "headers: { Content-Type: x }", want: "must not set those that the output sets"},
		"no bucket":              {yaml: "url: http://localhost:8086\nbucket: ''", want: `bucket is "": it must be a text that is not empty`},
		"tls for http":           {yaml: minimal + "tls: { enabled: true }", want: "https://"},
		"measurement alone":      {yaml: minimal + "measurement: m", want: "measurement, fields and timestamp"},
		"fields alone":           {yaml: minimal + "fields: root = this", want: "measurement, fields and timestamp"},
		"no timestamp":           {yaml: minimal + "measurement: m\nfields: root = this", want: "timestamp"},
		"tags alone":             {yaml: minimal + "tags: root = this", want: "tags needs measurement, fields and timestamp"},
		"rejected and nack":      {yaml: minimal + "on_reject: nack\nrejected: { drop: {} }", want: "would have no effect"},
		"on_reject":              {yaml: minimal + "on_reject: drop", want: "drop"},
		"rejected_max_bytes":     {yaml: minimal + "rejected_max_bytes: 1000", want: "at least 16384"},
		"order":                  {yaml: minimal + "order: time", want: "time"},
		"retention of nothing":   {yaml: minimal + "retention: 24h", want: "create_bucket: true"},
		"retention too short":    {yaml: minimal + "create_bucket: true\nretention: 10m", want: "at least 1h"},
		"retention no time":      {yaml: minimal + "create_bucket: true\nretention: soon", want: "retention"},
		"time-out":               {yaml: minimal + "timeout: 0s", want: "timeout is"},
		"flush_period too long":  {yaml: minimal + "flush_period: 6s", want: "from 1ms to 5s"},
		"flush_period zero":      {yaml: minimal + "flush_period: 0s", want: "flush_period"},
		"max_points_per_request": {yaml: minimal + "max_points_per_request: 0", want: "max_points_per_request is 0: it must be a whole number, at least 1"},
		"max_body_bytes":         {yaml: minimal + "max_body_bytes: 100", want: "max_body_bytes is 100: it must be a whole number, at least 1024"},
		"requests_in_flight":     {yaml: minimal + "requests_in_flight: 0", want: "requests_in_flight is 0: it must be a whole number, at least 1"},
		"max_in_flight":          {yaml: minimal + "max_in_flight: 0", want: "max_in_flight is 0: it must be a whole number, at least 1"},
		"back-off backwards":     {yaml: minimal + "backoff: { initial_interval: 2s, max_interval: 1s }", want: "longer than backoff.max_interval"},
		"back-off, half said":    {yaml: minimal + "backoff: { initial_interval: 6s }", want: "longer than backoff.max_interval"},
		"empty measurement":      {yaml: minimal + "measurement: ''\nfields: root = this\ntimestamp: root = 1", want: `measurement is "": it must be a text that is not empty`},
		"address of v2":          {yaml: "url: http://localhost:8086/api/v2/write\nbucket: b", want: "is added to it"},
		"address of v2, slash":   {yaml: "url: http://localhost:8086/api/v2/write/\nbucket: b", want: "is added to it"},
		"address of v1":          {yaml: "url: http://localhost:8086/write\nbucket: b", want: "is added to it"},
		"address of v3":          {yaml: "url: http://localhost:8086/api/v3/write_lp\nbucket: b", want: "is added to it"},
		"address behind a path":  {yaml: "url: https://example.com/influx/api/v2\nbucket: b", want: "is added to it"},
		"address of queries":     {yaml: "url: http://localhost:8086/query\nbucket: b", want: "is added to it"},
		"timeout in days":        {yaml: minimal + "timeout: 1d", want: "timeout"},
		"timeout without unit":   {yaml: minimal + "timeout: 90", want: "timeout"},
		"token and token_env":    {yaml: minimal + "token: t\ntoken_env: T", want: "only one of token, token_env and token_file"},
		"token and token_file":   {yaml: minimal + "token: t\ntoken_file: /f", want: "only one of token, token_env and token_file"},
		"password twice":         {yaml: minimal + "username: u\npassword: p\npassword_env: P", want: "only one of password, password_env and password_file"},
		"token_env is a token":   {yaml: minimal + "token_env: canary-5f==", want: "token_env must be the name of an environment variable"},
		"back-off zero":          {yaml: minimal + "backoff: { initial_interval: 0s }", want: "initial_interval is"},
	} {
		t.Run(name, func(t *testing.T) {
			env := service.NewEnvironment()
			if lints := lint(t, env, test.yaml); !strings.Contains(lints, test.want) || strings.Contains(lints, "canary") {
				t.Errorf("lint says %q", lints)
			}
			parsed, err := spec().ParseYAML(test.yaml, env)
			if err == nil {
				_, err = configFrom(parsed)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the constructor says %v", err)
			}
		})
	}
	// What lint cannot see.
	t.Setenv("BRANDPULSE_TEST_TOKEN", "t")
	for name, test := range map[string]struct{ yaml, want string }{
		"token_env and a user":  {minimal + "username: u\ntoken_env: BRANDPULSE_TEST_TOKEN", "set one of them"},
		"password_env, no user": {minimal + "password_env: BRANDPULSE_TEST_TOKEN", "password needs username"},
		"token_file of nowhere": {minimal + "token_file: /nowhere/token", "/nowhere/token"},
		"token of two lines":    {minimal + "token: \"a\\nb\"", "one line"},
		"header of two lines":   {minimal + "headers: { X-Key: \"a\\nb\" }", "that HTTP does not allow"},
		"mapping of nonsense":   {minimal + "measurement: m\nfields: root = (\ntimestamp: root = 1", "fields"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := spec().ParseYAML(test.yaml, nil)
			if err == nil {
				_, err = configFrom(parsed)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the constructor says %v", err)
			}
		})
	}
}

func lint(t *testing.T, env *service.Environment, yaml string) string {
	t.Helper()
	indented := "influxdb:\n  " + strings.ReplaceAll(strings.TrimSpace(yaml), "\n", "\n  ")
	lints, err := env.NewComponentConfigLinter().LintOutputYAML([]byte(indented))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, l := range lints {
		all = append(all, l.Error())
	}
	return strings.Join(all, "\n")
}

func TestDefaults(t *testing.T) {
	if lints := lint(t, service.NewEnvironment(), minimal); lints != "" {
		t.Error(lints)
	}
	parsed, err := spec().ParseYAML(minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := configFrom(parsed)
	if err != nil {
		t.Fatal(err)
	}
	want := testConfig()
	if conf.maxPoints != want.maxPoints || conf.maxBodyBytes != want.maxBodyBytes || conf.maxInFlight != want.maxInFlight ||
		conf.unsigned || conf.requestsInFlight != want.requestsInFlight || conf.flushPeriod != want.flushPeriod || conf.gzip != want.gzip || conf.onReject != want.onReject {
		t.Errorf("the tests run with other settings than the defaults: %+v", conf)
	}
}

// TestTemplatesFromYAML breaks if what tells a missing key from the text null is not
// made of the settings.
func TestTemplatesFromYAML(t *testing.T) {
	parsed, err := spec().ParseYAML(`
url: http://localhost:8086
bucket: t_${! this.tenant }
measurement: ${! this.kind }
tags: root.id = this.id.string()
fields: root.f = 1
timestamp: root = 7
unsigned: true
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := configFrom(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if conf.bucketOf == nil || !conf.unsigned {
		t.Errorf("%+v", conf)
	}
	for content, want := range map[string]string{
		`{"tenant":"a","kind":"m"}`:        `the tag "id" is "null"`,
		`{"tenant":"a","id":1}`:            `the measurement is "null": ${! this.kind }`,
		`{"kind":"m","id":1}`:              `the bucket is "t_null": ${! this.tenant }`,
		`{"kind":"m","id":1,"tenant":"a"}`: "",
	} {
		_, reasons, _ := encodeOne(newEncoder(conf), raw(content))
		if got := strings.Join(reasons, "\n"); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q", content, reasons)
		}
	}
}

// What would break: an address of a gateway is taken for that of the API.
func TestAddressesWithAPathAreRight(t *testing.T) {
	for _, url := range []string{"http://localhost:8086/", "https://example.com/influx", "https://example.com/api/v1", "https://example.com/rewrite", "https://example.com/write/influx"} {
		yaml := "url: " + url + "\nbucket: b"
		parsed, err := spec().ParseYAML(yaml, nil)
		if err == nil {
			_, err = configFrom(parsed)
		}
		if lints := lint(t, service.NewEnvironment(), yaml); err != nil || lints != "" {
			t.Errorf("%s: %v, %s", url, err, lints)
		}
	}
}

// What would break: the token of a variable or a file is not the one that is sent.
func TestSecretsFromElsewhere(t *testing.T) {
	const odd = `user:abc'#def\t"`
	t.Setenv("BRANDPULSE_TEST_TOKEN", odd)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(odd+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for yaml, want := range map[string]string{
		"token_env: BRANDPULSE_TEST_TOKEN":                 "Token " + odd,
		"username: u\npassword_file: " + file:              "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+odd)),
		"username: u\npassword_env: BRANDPULSE_TEST_TOKEN": "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+odd)),
	} {
		parsed, err := spec().ParseYAML(minimal+yaml, nil)
		if err != nil {
			t.Fatal(err)
		}
		conf, err := configFrom(parsed)
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodPost, "http://localhost:8086", nil)
		newEndpoint(conf).sign(request)
		if got := request.Header.Get("Authorization"); got != want {
			t.Errorf("%s: %q, want %q", yaml, got, want)
		}
	}
}
