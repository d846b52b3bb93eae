package otlptracer

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func configOf(t *testing.T, yaml string) (config, error) {
	t.Helper()
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		t.Fatal(err)
	}
	return configFrom(parsed)
}

// If this fails, a collector cannot read the spans, or they lack the name of the
// service.
func TestSpansArrive(t *testing.T) {
	got := make(chan *tracepb.TracesData, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData
		if err == nil {
			err = proto.Unmarshal(body, &data)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s: %v", r.URL, r.Header.Get("Content-Type"), err)
		}
		got <- &data
	}))
	defer collector.Close()
	conf, err := configOf(t, "service: mine\ntags: { zone: a }\nhttp: [ { address: '"+strings.TrimPrefix(collector.URL, "http://")+"' } ]")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := newProvider(conf)
	if err != nil {
		t.Fatal(err)
	}
	_, span := provider.Tracer("test").Start(t.Context(), "a span")
	span.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	data := <-got
	of := map[string]string{}
	for _, a := range data.ResourceSpans[0].Resource.Attributes {
		of[a.Key] = a.Value.GetStringValue()
	}
	if of["service.name"] != "mine" || of["zone"] != "a" {
		t.Errorf("the service is %v", of)
	}
	if name := data.ResourceSpans[0].ScopeSpans[0].Spans[0].Name; name != "a span" {
		t.Errorf("the span is %q", name)
	}
}

// If this fails, spans that a collector rejects count as sent, and nothing explains why
// there are no traces.
func TestRefusedSpansAreAnError(t *testing.T) {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such tenant", http.StatusForbidden)
	}))
	defer collector.Close()
	p := newPoster(collectorAt(collector.URL))
	err := p.UploadTraces(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "no such tenant") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.UploadTraces(ctx, nil); err == nil {
		t.Error("an ended context is not an error")
	}
}

func collectorAt(url string) collector {
	return collector{address: strings.TrimPrefix(url, "http://")}
}

// If this fails, lint or the constructor accepts a setting that traces nothing, or
// sends it nowhere.
func TestWrongSettings(t *testing.T) {
	for name, c := range map[string]struct {
		yaml  string
		lint  bool
		wrong bool // also rejected by the constructor
		ratio float64
	}{
		"all traced":       {yaml: "http: [ { address: localhost:4318 } ]", ratio: 1},
		"a part":           {yaml: "http: [ { address: localhost:4318 } ]\nsampling: { enabled: true, ratio: 0.5 }", ratio: 0.5},
		"a part, not on":   {yaml: "http: [ { address: localhost:4318 } ]\nsampling: { ratio: 0.5 }", ratio: 1},
		"no collector":     {yaml: "http: []", lint: true, wrong: true},
		"more than all":    {yaml: "http: [ { address: localhost:4318 } ]\nsampling: { enabled: true, ratio: 1.5 }", lint: true, wrong: true},
		"a URL as address": {yaml: "http: [ { address: 'http://localhost:4318/v1/traces' } ]", lint: true, ratio: 1},
	} {
		t.Run(name, func(t *testing.T) {
			text := "input: { generate: { count: 1, mapping: root = 1 } }\noutput: { drop: {} }\ntracer:\n  " + Name + ":\n    " + strings.ReplaceAll(c.yaml, "\n", "\n    ")
			lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(text))
			if err != nil || (len(lints) > 0) != c.lint {
				t.Errorf("lint: %v, %v", lints, err)
			}
			conf, err := configOf(t, c.yaml)
			if (err != nil) != c.wrong || err == nil && conf.ratio != c.ratio {
				t.Errorf("%+v, %v", conf, err)
			}
		})
	}
}
