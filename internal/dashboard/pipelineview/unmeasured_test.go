package pipelineview

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// served is a process whose metrics a test sets.
func served(t *testing.T) (address string, metrics *atomic.Pointer[string]) {
	t.Helper()
	metrics = &atomic.Pointer[string]{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := metrics.Load()
		if text == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, *text)
	}))
	t.Cleanup(server.Close)
	return server.URL, metrics
}

func set(metrics *atomic.Pointer[string], text string) { metrics.Store(&text) }

// What would break: what nobody counts is 0 on the page, or what is counted and has not
// happened is not.
func TestWhatIsNotMeasuredIsNotZero(t *testing.T) {
	generator, ofGenerator := served(t)
	ingest, ofIngest := served(t)
	set(ofGenerator, "tweet_generator_generated 100\n")
	v := newTestView(t, Source{Metrics: []string{generator, ingest}})
	totals := func() string {
		t.Helper()
		data, err := json.Marshal(v.Look(0).Totals)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const nobody = `{"rejected":null,"dead_letters":null,"undecodable":null,"retries":null}`
	if got := totals(); got != nobody {
		t.Errorf("before the first reading: %s", got)
	}
	v.readAfterASecond(t.Context())
	if got := totals(); got != nobody {
		t.Errorf("of a generator: %s", got)
	}
	// An ingest that has counted nothing yet: counters with a label are not there.
	set(ofIngest, "sentiment_window_points 0\ninfluxdb_points_written 0\ninfluxdb_retries 0\noutput_sent{label=\"dead_letters\"} 0\n")
	v.readAfterASecond(t.Context())
	r := v.readAfterASecond(t.Context())
	if got := totals(); got != `{"rejected":{},"dead_letters":0,"undecodable":0,"retries":0}` {
		t.Errorf("with an ingest: %s", got)
	}
	if r.Decoded != 0 || r.Undecodable != 0 || r.Rejected != 0 {
		t.Errorf("an ingest that has read nothing counts %v, %v cannot be counted, %v points are rejected; want 0", r.Decoded, r.Undecodable, r.Rejected)
	}
	// A process that has ended counts nothing, and its totals stay.
	ofIngest.Store(nil)
	r = v.readAfterASecond(t.Context())
	if !math.IsNaN(float64(r.Decoded)) || !math.IsNaN(float64(r.Retries)) || math.IsNaN(float64(r.Generated)) {
		t.Errorf("%v decoded and %v retries by an ingest that has ended, %v generated", r.Decoded, r.Retries, r.Generated)
	}
	if got := totals(); !strings.Contains(got, `"retries":0`) {
		t.Errorf("totals of an ingest that has ended: %s", got)
	}
}

// What would break: nobody knows since when a pipeline or Kafka does not answer.
func TestSinceWhenNobodyAnswers(t *testing.T) {
	address, metrics := served(t)
	set(metrics, "tweet_generator_generated 100\n")
	v := newTestView(t, Source{Metrics: []string{address}, Kafka: []string{"127.0.0.1:1"}, Topic: "tweets"})
	v.readAfterASecond(t.Context())
	if e := v.Look(0).Endpoints[0]; e.Since != 0 || e.Error != "" {
		t.Errorf("%+v answers", e)
	}
	metrics.Store(nil)
	v.readAfterASecond(t.Context())
	ended := v.now()
	for range 5 {
		v.readAfterASecond(t.Context())
	}
	u := v.Look(0)
	if e := u.Endpoints[0]; e.Since != ended.UnixMilli() || !strings.Contains(e.Error, "responded 503") {
		t.Errorf("%+v, want no answer since %d", e, ended.UnixMilli())
	}
	if u.Kafka == nil || u.Kafka.Since != ended.Add(-time.Second).UnixMilli() || !strings.Contains(u.Kafka.URL, "127.0.0.1:1, topic tweets") {
		t.Errorf("%+v, want no answer of Kafka since %d", u.Kafka, ended.Add(-time.Second).UnixMilli())
	}
	set(metrics, "tweet_generator_generated 100\n")
	v.readAfterASecond(t.Context())
	if e := v.Look(0).Endpoints[0]; e.Since != 0 {
		t.Errorf("%+v answers again", e)
	}
}

// If this fails, the page warns for ever of a generator that has finished as planned.
func TestProcessThatHasEndedAsPlannedIsNoProblem(t *testing.T) {
	generator, ofGenerator := served(t)
	ingest, ofIngest := served(t)
	set(ofGenerator, "tweet_generator_generated 100\n")
	set(ofIngest, "sentiment_window_points 0\n")
	ended := false
	v := newTestView(t, Source{Metrics: []string{generator, ingest}, Ended: func(address string) bool { return ended && address == generator }})
	v.readAfterASecond(t.Context())
	ofGenerator.Store(nil)
	v.readAfterASecond(t.Context())
	if u := v.Look(0); len(u.Endpoints) != 2 || len(v.facts.Away) != 1 {
		t.Fatalf("a generator that does not respond: %+v, away: %q", u.Endpoints, v.facts.Away)
	}
	ended = true
	for range 2 {
		v.readAfterASecond(t.Context())
		if u := v.Look(0); len(u.Endpoints) != 1 || u.Endpoints[0].URL == generator || len(v.facts.Away) != 0 || v.facts.Endpoints != 1 {
			t.Errorf("a generator that has ended: %+v, away: %q of %d", u.Endpoints, v.facts.Away, v.facts.Endpoints)
		}
	}
}

// If this fails, a generator that finishes before the first reading crashes the program.
func TestProcessThatHasEndedBeforeItAnswered(t *testing.T) {
	generator, _ := served(t)
	v := newTestView(t, Source{Metrics: []string{generator}, Ended: func(string) bool { return true }})
	for range 2 {
		v.readAfterASecond(t.Context())
		if u := v.Look(0); len(u.Endpoints) != 0 || !math.IsNaN(float64(u.Samples[len(u.Samples)-1].Generated)) {
			t.Errorf("a process that never answered: %+v", u)
		}
	}
}
