package cli_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const user, password = "operator", "correct horse"

// streams is the program in streams mode, with a login.
type streams struct {
	*testenv.Program
	address string
}

func startStreams(t *testing.T, env map[string]string, http, logLevel string, args ...string) streams {
	t.Helper()
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	s := streams{address: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	root := filepath.Join(t.TempDir(), "root.yaml")
	hash := sha256.Sum256([]byte(password))
	text := fmt.Sprintf("http:\n  address: %s\n  debug_endpoints: true\n%slogger: { level: %s }\nmetrics: { prometheus: {} }\n", s.address,
		strings.ReplaceAll(http, "HASH", base64.StdEncoding.EncodeToString(hash[:])), logLevel)
	if err := os.WriteFile(root, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Program = testenv.Start(t, testenv.Command{Args: append([]string{"streams", "-o", root}, args...), Env: env})
	return s
}

const login = "  basic_auth: { enabled: true, username: " + user + ", password_hash: HASH }\n"

// call sends a request to the REST API; code 0 if nothing listens.
func (s streams) call(t *testing.T, method, path, body string, change func(*http.Request)) (code int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(user, password)
	if change != nil {
		change(request)
	}
	response, err := (&http.Client{Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (s streams) listens(t *testing.T) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "the program listens", func() error {
		if code, answer := s.call(t, http.MethodGet, "/streams", "", nil); code == 0 {
			return errors.New(answer)
		}
		return nil
	})
}

// If this fails, any web page in a browser on this machine can create a stream, which
// reads and writes files; or anyone who reaches the port can read the settings of all
// streams.
func TestStreamsAPINeedsALogin(t *testing.T) {
	t.Parallel()
	for name, http := range map[string]string{"nothing said": "", "not enabled": "  basic_auth: { enabled: false }\n"} {
		s := startStreams(t, nil, http, "INFO")
		if code := s.Wait(t, 30*time.Second); code != 1 || !strings.Contains(s.Log(t), "Set http.basic_auth") || !strings.Contains(s.Log(t), "--no-api") {
			t.Errorf("%s: exit code %d:\n%s", name, code, s.Log(t))
		}
	}

	s := startStreams(t, nil, login, "INFO")
	s.listens(t)
	stream := `{"input":{"generate":{"count":1,"mapping":"root = \"x\""}},"output":{"drop":{}}}`
	crossSite := func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Host = "rebind.evil.example"
		r.Header.Set("Origin", "http://evil.example")
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	guessed := func(r *http.Request) { r.SetBasicAuth(user, "guessed") }
	for name, change := range map[string]func(*http.Request){"of a page": crossSite, "with a wrong password": guessed} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			for _, path := range []string{"/streams", "/streams/evil", "/streams/evil/stats", "/resources/cache/evil", "/debug/config/yaml", "/metrics"} {
				if code, answer := s.call(t, method, path, stream, change); code != http.StatusUnauthorized && code != http.StatusNotFound {
					t.Errorf("%s %s %s: %d %s", method, path, name, code, answer)
				}
			}
		}
	}
	if code, answer := s.call(t, http.MethodGet, "/streams", "", nil); code != http.StatusOK || answer != "{}" {
		t.Errorf("the streams are %d %s", code, answer)
	}
	if code, answer := s.call(t, http.MethodPost, "/streams/own", stream, nil); code != http.StatusOK {
		t.Errorf("with the login: %d %s", code, answer)
	}
	if code := s.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// Without the API no login is needed.
	without := startStreams(t, nil, "", "INFO", "--no-api")
	testenv.Eventually(t, time.Minute, "the program listens", func() error {
		if code, answer := without.call(t, http.MethodGet, "/ready", "", nil); code != http.StatusOK {
			return errors.New(answer)
		}
		return nil
	})
	if code, answer := without.call(t, http.MethodPost, "/streams/x", stream, nil); code != http.StatusNotFound {
		t.Errorf("with --no-api a stream is created: %d %s", code, answer)
	}
	disabled := startStreams(t, nil, "  enabled: false\n", "INFO")
	testenv.Eventually(t, time.Minute, "the program runs without a server", func() error {
		if !strings.Contains(disabled.Log(t), "streams mode") {
			return errors.New(disabled.Log(t))
		}
		return nil
	})
}

// If this fails, a configuration, which may arrive through the REST API, runs a
// program.
func TestNoComponentRunsAProgram(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"inputs", "processors", "outputs"} {
		if out := output(t, 0, "list", kind); regexp.MustCompile(`(?m)^\W*(command|subprocess)$`).MatchString(out) {
			t.Errorf("%s contain a component that runs programs:\n%s", kind, out)
		}
	}
	s := startStreams(t, nil, login, "INFO")
	s.listens(t)
	trace := filepath.Join(t.TempDir(), "ran")
	for name, stream := range map[string]string{
		"command":           `{"input":{"generate":{"count":1,"mapping":"root = \"x\""}},"pipeline":{"processors":[{"command":{"name":"touch","args_mapping":"root = [\"` + trace + `\"]"}}]},"output":{"drop":{}}}`,
		"subprocess":        `{"input":{"generate":{"count":1,"mapping":"root = \"x\""}},"pipeline":{"processors":[{"subprocess":{"name":"touch","args":["` + trace + `"]}}]},"output":{"drop":{}}}`,
		"subprocess input":  `{"input":{"subprocess":{"name":"touch","args":["` + trace + `"]}},"output":{"drop":{}}}`,
		"subprocess output": `{"input":{"generate":{"count":1,"mapping":"root = \"x\""}},"output":{"subprocess":{"name":"touch","args":["` + trace + `"]}}}`,
	} {
		for _, query := range []string{"", "?chilled=true"} {
			if code, answer := s.call(t, http.MethodPost, "/streams/"+strings.ReplaceAll(name, " ", "_")+query, stream, nil); code < 400 || code >= 600 {
				t.Errorf("%s%s: %d %s", name, query, code, answer)
			}
		}
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("a program has run")
	}
}

var resources = regexp.MustCompile(`goroutine profile: total (\d+)`)

// If this fails, creating and deleting streams leaks goroutines, descriptors or memory,
// until the process dies; or a stream's token is shown.
func TestStreamsLeakNothing(t *testing.T) {
	t.Parallel()
	const rounds, warm = 50, 5
	kafka := testenv.FakeKafka(t)
	topic := kafka.Topic(t, 4)
	one := (&tweet.Tweet{ID: []byte("a"), Text: []byte("Yum"), Brand: []byte("SuperCoffee"), Millis: 1_700_000_000_000}).AppendAvro(nil)
	var records []*kgo.Record
	for range 2000 {
		records = append(records, &kgo.Record{Topic: topic, Value: one})
	}
	kafka.Produce(t, records...)
	influx := influxfake.New(influxfake.Options{Token: "canary-5e1f", Org: "o", Buckets: []string{"b"}})
	url, stop := influx.Listen()
	t.Cleanup(stop)
	s := startStreams(t, map[string]string{"INFLUXDB_TOKEN": "canary-5e1f"}, login, "WARN")
	s.listens(t)
	pipeline := func(group, url string) string {
		return fmt.Sprintf(`
input: { kafka_batches: { seed_brokers: [ %q ], topics: [ %s ], consumer_group: %s, fingerprint: f, fetch_max_wait: 100ms } }
pipeline: { processors: [ { sentiment_window: { message: record_batch } } ] }
output: { influxdb: { url: %q, org: o, bucket: b, token_env: INFLUXDB_TOKEN } }
`, strings.Join(kafka.Brokers, ","), topic, group, url)
	}
	used := func() (goroutines, descriptors int) {
		code, profile := s.call(t, http.MethodGet, "/debug/pprof/goroutine?debug=1", "", nil)
		match := resources.FindStringSubmatch(profile)
		if code != http.StatusOK || match == nil {
			t.Fatalf("%d %.200s", code, profile)
		}
		goroutines, _ = strconv.Atoi(match[1])
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
		if err != nil {
			t.Skipf("no descriptors to count: %v", err)
		}
		return goroutines, len(open)
	}
	var before, files int
	for i := range rounds {
		if i == warm {
			before, files = used()
		}
		requests, at, query := len(influx.Requests()), url, ""
		// Every tenth never reaches InfluxDB: Benthos waits for its batches unless a
		// time limit is given.
		stuck := i%10 == 9
		if stuck {
			at, query = "http://127.0.0.1:1", "?timeout=1s"
		}
		if code, answer := s.call(t, http.MethodPost, "/streams/s", pipeline(fmt.Sprintf("g%d", i), at), nil); code != http.StatusOK {
			t.Fatalf("round %d: creating: %d %s", i, code, answer)
		}
		if i == 0 {
			if code, answer := s.call(t, http.MethodGet, "/streams/s", "", nil); code != http.StatusOK || strings.Contains(answer, "canary") || !strings.Contains(answer, "token_env") {
				t.Errorf("the stream is shown as %d %s", code, answer)
			}
		}
		// Most are deleted while they write, some while they connect.
		for deadline := time.Now().Add(10 * time.Second); i%5 != 4 && !stuck && len(influx.Requests()) == requests && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		if code, answer := s.call(t, http.MethodDelete, "/streams/s"+query, "", nil); code != http.StatusOK {
			t.Fatalf("round %d: deleting: %d %s", i, code, answer)
		}
	}
	testenv.Eventually(t, 30*time.Second, "what the streams used is free again", func() error {
		goroutines, descriptors := used()
		if goroutines > before+10 || descriptors > files+5 {
			return fmt.Errorf("%d goroutines and %d descriptors after %d rounds, and %d and %d after %d", goroutines, descriptors, rounds, before, files, warm)
		}
		return nil
	})
	goroutines, descriptors := used()
	t.Logf("after %d rounds: %d goroutines, %d descriptors; after %d: %d, %d", rounds, goroutines, descriptors, warm, before, files)
	if stored := len(influx.Stored()); stored == 0 {
		t.Error("no stream has written a point")
	}
	if code := s.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(s.Log(t), "canary") {
		t.Error("the log shows the token")
	}
}
