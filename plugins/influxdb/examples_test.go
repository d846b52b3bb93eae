package influxdb

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// ran is what an example must do.
type ran struct {
	fake   influxfake.Options
	server func(fake http.Handler) http.Handler // nil: the fake as it is
	path   string                               // where points must go
	stored map[string]string                    // by bucket, how its only line begins
	files  map[string]string                    // by name, how what is refused begins
	kafka  string                               // what is refused, in Kafka
}

func runs() map[string]ran {
	v2 := influxfake.Options{Token: "t", Org: "o", Buckets: []string{"brandpulse"}}
	count := "tweets,brand=SuperCoffee,sentiment=positive count=3i "
	return map[string]ran{
		"influxdb2": {fake: v2, path: "/api/v2/write", stored: map[string]string{"brandpulse": count}},
		"influxdb1": {
			fake: influxfake.Options{Version: influxfake.V1, Token: "u:p", Buckets: []string{}},
			path: "/write", stored: map[string]string{"brandpulse": count},
		},
		"influxdb3": {fake: v2, server: influxDB3, path: "/api/v2/write", stored: map[string]string{"brandpulse": count}},
		"cloud":     {fake: v2, server: anyOrganisation, path: "/api/v2/write", stored: map[string]string{"brandpulse": count}},
		"cloud_tsm": {fake: v2, path: "/api/v2/write", stored: map[string]string{"brandpulse": count}},
		"mappings": {
			fake: influxfake.Options{Token: "t", Org: "o", Buckets: []string{"weather"}}, path: "/api/v2/write",
			stored: map[string]string{"weather": "weather,city=Cape\\ Town celsius=21.5 1767323045000000000"},
		},
		"tenants": {
			fake: influxfake.Options{Token: "t", Org: "o", Buckets: []string{"tenant_a", "tenant_b"}}, path: "/api/v2/write",
			stored: map[string]string{"tenant_a": "orders count=3i 1767323045000000000", "tenant_b": "orders count=3i 1767323045000000000"},
			files:  map[string]string{"refused.txt": `tenant_nobody | bucket "tenant_nobody" not found`},
		},
		"telegraf": {
			fake: influxfake.Options{Token: "t", Org: "o", Buckets: []string{"telegraf"}, Refuse: func(line string) string {
				if strings.HasPrefix(line, "mem,") {
					return `field type conflict: input field "used" on measurement "mem" is type float, already exists as type integer`
				}
				return ""
			}},
			path: "/api/v2/write", stored: map[string]string{"telegraf": "cpu,cpu=cpu0,host=a usage_idle=97.5 1767323045000000000"},
			kafka: "mem,host=a used=1.5 1767323045000000000",
		},
		"fallback": {
			fake: influxfake.Options{Version: influxfake.V1, Token: "u:p", Buckets: []string{"brandpulse/autogen"}, Refuse: func(string) string { return "points beyond retention policy" }},
			path: "/write", files: map[string]string{"refused.jsonl": `{"message":"{\"fields\":{\"count\":3}`},
		},
	}
}

// TestExamplesRun breaks if an example of the manual does not build, or does with
// its points other than it says.
func TestExamplesRun(t *testing.T) {
	want := runs()
	if len(want) != len(examples) {
		t.Errorf("%d examples, and %d of them are known here", len(examples), len(want))
	}
	for _, e := range examples {
		t.Run(e.file, func(t *testing.T) {
			want, known := want[e.file]
			if !known {
				t.Fatal("nothing is known of what it must do")
			}
			t.Chdir(t.TempDir())
			fake := influxfake.New(want.fake)
			handler := http.Handler(fake)
			if want.server != nil {
				handler = want.server(fake)
			}
			server := httptest.NewServer(handler)
			defer server.Close()
			topic := runExample(t, e, map[string]string{
				"INFLUXDB_URL": server.URL, "INFLUXDB_TOKEN": "t", "INFLUXDB_ORG": "o", "INFLUXDB_USER": "u", "INFLUXDB_PASSWORD": "p",
			})
			if n := len(fake.Requests()); n == 0 || fake.Requests()[0].Path != want.path {
				t.Errorf("%d requests, want some to %s", n, want.path)
			}
			found := 0
			for bucket, line := range want.stored {
				stored := fake.StoredIn(bucket)
				found += len(stored)
				for got := range stored {
					if !strings.HasPrefix(got, line) {
						t.Errorf("bucket %s holds %s, want %s", bucket, got, line)
					}
				}
			}
			if found != len(want.stored) {
				t.Errorf("%d lines are stored, want one in each of %d buckets", found, len(want.stored))
			}
			for name, text := range want.files {
				got, err := os.ReadFile(name)
				if err != nil || !strings.HasPrefix(string(got), text) {
					t.Errorf("%s holds %q, want %q; %v", name, got, text, err)
				}
			}
			if got := strings.Join(topic.taken(), "\n"); got != want.kafka {
				t.Errorf("Kafka holds %q, want %q", got, want.kafka)
			}
		})
	}
}

// TestExampleOf18RunsWithoutUsers breaks if the example for InfluxDB 1.8 wants a
// user where the server asks for none, or does not reach a server before 1.8.
func TestExampleOf18RunsWithoutUsers(t *testing.T) {
	for version, path := range map[string]string{influxfake.V0: "/write", influxfake.V1: "/api/v2/write"} {
		t.Run(version, func(t *testing.T) {
			t.Chdir(t.TempDir())
			fake := influxfake.New(influxfake.Options{Version: version, Buckets: []string{}})
			address, stop := fake.Listen()
			defer stop()
			runExample(t, example{file: "influxdb1"}, map[string]string{"INFLUXDB_URL": address})
			if requests := fake.Requests(); len(requests) != 1 || requests[0].Path != path || len(fake.StoredIn("brandpulse")) != 1 {
				t.Errorf("%d requests, %v is stored, want one line by %s", len(requests), fake.Stored(), path)
			}
		})
	}
}

// runExample runs a pipeline to its end. Kafka is one that has two records; its
// settings are linted where the pages are.
func runExample(t *testing.T, e example, variables map[string]string) *topic {
	t.Helper()
	env, anything := service.GlobalEnvironment().Clone(), service.NewConfigSpec().Field(service.NewAnyField(""))
	kafka := &topic{}
	if err := env.RegisterBatchInput("redpanda", anything, func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return service.AutoRetryNacksBatched(&records{}), nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := env.RegisterBatchOutput("redpanda", anything, func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		return kafka, service.BatchPolicy{}, 1, nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"INFLUXDB_URL", "INFLUXDB_TOKEN", "INFLUXDB_ORG", "INFLUXDB_USER", "INFLUXDB_PASSWORD"} {
		t.Setenv(name, variables[name])
	}
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML(e.config()); err != nil {
		t.Fatal(err)
	}
	if err := builder.SetLoggerYAML("level: none"); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	// One that cannot connect would try for ever.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := stream.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return kafka
}

// records is a topic with two lines of Telegraf.
type records struct{ read bool }

func (*records) Connect(context.Context) error { return nil }

func (r *records) ReadBatch(context.Context) (service.MessageBatch, service.AckFunc, error) {
	if r.read {
		return nil, nil, service.ErrEndOfInput
	}
	r.read = true
	return service.MessageBatch{
		message("cpu,cpu=cpu0,host=a usage_idle=97.5 1767323045000000000"),
		message("mem,host=a used=1.5 1767323045000000000"),
	}, func(context.Context, error) error { return nil }, nil
}

func (*records) Close(context.Context) error { return nil }

// topic keeps what is written to it.
type topic struct {
	mu    sync.Mutex
	texts []string
}

func (*topic) Connect(context.Context) error { return nil }

func (o *topic) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range batch {
		text, err := m.AsBytes()
		if err != nil {
			return err
		}
		o.texts = append(o.texts, string(text))
	}
	return nil
}

func (*topic) Close(context.Context) error { return nil }

func (o *topic) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.texts
}

// anyOrganisation lets the fake look at the organisation no more than InfluxDB
// Cloud Serverless and Dedicated do.
func anyOrganisation(fake http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Set("org", "o")
		r.URL.RawQuery = query.Encode()
		fake.ServeHTTP(w, r)
	})
}

// influxDB3 does so as well, and says of a request without points what InfluxDB 3
// Core does.
func influxDB3(fake http.Handler) http.Handler {
	return anyOrganisation(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 0 {
			fake.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":"invalid","message":"write buffer error: incoming write was empty"}`)
	}))
}
