package faultlab_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/schemas"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// registryFaults are the faults of the schema registry.
var registryFaults = []faultlab.Scenario{
	{
		Name: "F20", Does: "the schema registry is down, has not caught up, responds as a gateway does, and is slow",
		Versions: []string{testenv.InfluxV1},
		Options:  faultlab.Options{Header: []byte{0, 0, 0, 0, schemaID}, Env: stream.Env{"ENCODING": "avro_confluent"}},
		Run:      registryInTrouble,
	},
}

const schemaID = 7

const unknownSchema = `{"error_code":40403,"message":"schema not found"}`

// registryInTrouble makes a process wait for its schema in all possible ways. None of
// them says anything about a record, so none may become a dead letter.
func registryInTrouble(l *faultlab.Lab) {
	ports, err := process.FreePorts(1)
	if err != nil {
		l.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	l.Config = withRegistry(l, "http://"+address)
	l.Reader.Config = l.Config
	m := l.Start()
	m.AwaitLog(fmt.Sprintf("Waiting for schema %d", schemaID))
	l.Wait(2 * time.Second)
	registry := startRegistry(l, address)
	mustWait := func(what string, answer func(http.ResponseWriter)) {
		l.Helper()
		registry.answer(what, answer)
		m.Kill() // otherwise it would ask only after 10 s
		asked := registry.asked.Load()
		m.Restart()
		stream.Await(l, "the process asks again", func() bool { return registry.asked.Load() > asked+2 })
		l.Event("%s: asked %d times", what, registry.asked.Load())
		if counted, refused := m.Metric("sentiment_window_tweets"), m.Metric("sentiment_window_refused"); counted > 0 || refused > 0 {
			l.Errorf("%s: %.0f tweets were counted and %.0f records rejected", what, counted, refused)
		}
	}
	refuse := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	mustWait("connections are cut", func(http.ResponseWriter) { panic(http.ErrAbortHandler) })
	mustWait("a gateway has no server", refuse(http.StatusNotFound, "404 page not found"))
	mustWait("there is nothing at the path", refuse(http.StatusNotFound, `{"error_code":404,"message":"HTTP 404 Not Found"}`))
	mustWait("the registry has not caught up", refuse(http.StatusNotFound, unknownSchema))
	mustWait("the registry starts", refuse(http.StatusServiceUnavailable, `{"error_code":50301,"message":"not ready"}`))
	mustWait("the registry has lost its store", refuse(http.StatusInternalServerError, `{"error_code":50001,"message":"error in the backend data store"}`))
	mustWait("a page comes", refuse(http.StatusOK, "<html>Welcome! Please log in.</html>"))
	m.Kill()
	m.Restart()
	registry.answer("all is well, 3 s late", func(w http.ResponseWriter) {
		time.Sleep(3 * time.Second)
		registry.tell(w)
	})
	m.AwaitCounted(10_000)
	l.Wait(span(2*time.Second, 10*time.Second))
	for range 2 { // without its cached schemas
		m.Kill()
		registry.answer("the registry is too slow", func(http.ResponseWriter) { time.Sleep(15 * time.Second) })
		asked := registry.asked.Load()
		l.Repeats(func() {
			m.Restart()
			stream.Await(l, "the process asks", func() bool { return registry.asked.Load() > asked })
			l.Wait(3 * time.Second)
			registry.answer("all is well", registry.tell)
		})
		m.AwaitCounted(10_000)
	}
}

// withRegistry returns exact.yaml with a schema registry.
func withRegistry(l *faultlab.Lab, url string) string {
	l.Helper()
	shipped, err := os.ReadFile(filepath.Join(testenv.Root(l), stream.ExactConfig))
	if err != nil {
		l.Fatal(err)
	}
	before, after, ok := strings.Cut(string(shipped), "        message: record_batch\n")
	if !ok {
		l.Fatal("exact.yaml does not count record batches")
	}
	text := before + "        message: record_batch\n        schema_registry: { url: " + url + " }\n" + after
	path := filepath.Join(l.TempDir(), "exact.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
	return path
}

// registry is a schema registry whose responses the test decides.
type registry struct {
	log   func(format string, args ...any)
	asked atomic.Int64

	mu   sync.Mutex
	does func(http.ResponseWriter)
}

// startRegistry starts one that resets connections.
func startRegistry(t testing.TB, address string) *registry {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r := &registry{log: t.Logf, does: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }}
	server := httptest.NewUnstartedServer(r)
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return r
}

// answer changes the responses.
func (r *registry) answer(what string, does func(http.ResponseWriter)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.does = does
	r.log("the registry: %s", what)
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.asked.Add(1)
	if path.Base(request.URL.Path) != fmt.Sprint(schemaID) { // from garbage that looks like a header
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, unknownSchema)
		return
	}
	r.mu.Lock()
	does := r.does
	r.mu.Unlock()
	does(w)
}

// tell responds with the schema.
func (r *registry) tell(w http.ResponseWriter) {
	_ = json.NewEncoder(w).Encode(map[string]string{"schema": schemas.Tweet}) // the process may have ended
}
