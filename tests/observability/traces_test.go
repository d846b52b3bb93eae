package observability

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// collector is a minimal OpenTelemetry collector.
type collector struct {
	mu    sync.Mutex
	spans map[string]*tracepb.Span // the newest of each name
	names map[string]bool          // of services
	err   error
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var data tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || r.URL.Path != "/v1/traces" {
		c.err = fmt.Errorf("%s: %w", r.URL, err)
	}
	for _, resource := range data.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				c.names[a.Value.GetStringValue()] = true
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans[span.Name] = span
			}
		}
	}
}

// If this fails, traced.yaml sends nothing to a collector, or its spans do not show how
// long each component has taken.
func TestTracesArrive(t *testing.T) {
	c := &collector{spans: map[string]*tracepb.Span{}, names: map[string]bool{}}
	server := httptest.NewServer(c)
	defer server.Close()
	url, stop := influxfake.New(influxfake.Options{}).Listen()
	defer stop()
	testenv.Start(t, testenv.Command{Config: "config/traced.yaml", Env: map[string]string{
		"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket", "OTLP_ADDRESS": strings.TrimPrefix(server.URL, "http://"), "TRACED": "1", "SERVICE": "a-service", "RATE": "100", "BATCH_SIZE": "10",
	}})
	testenv.Eventually(t, 30*time.Second, "spans of each component", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err != nil {
			return c.err
		}
		for _, name := range []string{"input_tweet_generator", "sentiment_window", "output_influxdb"} {
			span := c.spans[name]
			if span == nil || span.EndTimeUnixNano < span.StartTimeUnixNano || len(span.TraceId) == 0 || !c.names["a-service"] {
				return fmt.Errorf("%s of %v: %v; there are %v", name, c.names, span, c.spans)
			}
		}
		return nil
	})
}
