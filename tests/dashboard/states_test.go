package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// fiveBrands are those of a feed, with their tweets of each sentiment per second.
var fiveBrands = map[string][3]int{
	"SuperCoffee": {50, 15, 20}, "Kettle & Co": {25, 15, 10}, "Nordlicht Bikes": {20, 10, 14},
	"A brand with a name that is longer than any list is wide": {12, 8, 5}, "Ω-Audio": {4, 3, 8},
}

// second is a feed in line protocol: SuperCoffee has a spike two minutes before now, and
// turns negative five minutes before.
func second(at, now int64) string {
	var lines strings.Builder
	for brand, counts := range fiveBrands {
		if brand == "SuperCoffee" {
			if age := now - at; age > 110 && age < 125 {
				counts = [3]int{counts[0] * 5, counts[1] * 4, counts[2] * 6}
			} else if age > 300 && age < 400 {
				counts[0], counts[2] = counts[2]/2, counts[0]
			}
		}
		for i, sentiment := range []string{"positive", "neutral", "negative"} {
			wave := int64(counts[i]) * ((at/7)%5 - 2) / 12
			fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=%s count=%di %d\n", strings.ReplaceAll(brand, " ", `\ `), sentiment, int64(counts[i])+wave, at*1e9)
		}
	}
	return lines.String()
}

// feed stores 16 minutes of it, and goes on with it until the test ends.
func feed(t *testing.T, db *influxd.Database) (now int64) {
	t.Helper()
	return feedOf(t, db, second)
}

// feedOf does the same with another feed.
func feedOf(t *testing.T, db *influxd.Database, second func(at, now int64) string) (now int64) {
	t.Helper()
	now = time.Now().Unix()
	var lines strings.Builder
	for at := now - 1000; at <= now; at++ {
		lines.WriteString(second(at, now))
	}
	for i, sentiment := range []string{"positive", "negative", "neutral", "positive", "positive"} {
		lines.WriteString(line("SuperCoffee", sentiment, "Best coffee I have had in a long time, and the staff are lovely!", time.Unix(now, int64(i+1))))
	}
	if err := db.Write(t.Context(), []byte(lines.String())); err != nil {
		t.Fatal(err)
	}
	go func() {
		for last := now; ; time.Sleep(300 * time.Millisecond) {
			for until := time.Now().Unix() - 1; last < until; {
				last++
				if db.Write(t.Context(), []byte(second(last, now))) != nil {
					return // the test has ended
				}
			}
		}
	}()
	return now
}

// gate is a way to InfluxDB that can be shut: then it responds with a status. While
// waits is locked, it does not respond.
type gate struct {
	*influxd.Database
	shut  atomic.Int64
	waits sync.RWMutex
}

func newGate(t *testing.T, db *influxd.Database) *gate {
	t.Helper()
	target, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.waits.RLock()
		defer g.waits.RUnlock()
		if status := int(g.shut.Load()); status != 0 {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":"authorization failed for this test"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.Database = influxd.NewDatabase(server.URL, db.Org, db.Bucket, db.Token)
	return g
}

// metricsOf serves metrics in which %[1]d grows by 1,000 per second.
func metricsOf(t *testing.T, text string) (address string) {
	t.Helper()
	begin := time.Now()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.ReplaceAll(text, "%[1]d", fmt.Sprint(1000+time.Since(begin).Milliseconds())))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/metrics"
}

// A sixth of the records are dead letters, and no generator is asked.
const deadLetters = `
sentiment_window_refused{reason="undecodable"} %[1]d
sentiment_window_tweets{sentiment="positive"} %[1]d
sentiment_window_tweets{sentiment="neutral"} %[1]d
sentiment_window_tweets{sentiment="negative"} %[1]d
sentiment_window_tweets{sentiment="b"} %[1]d
sentiment_window_tweets{sentiment="c"} %[1]d
sentiment_window_points 100
influxdb_points_written 100
influxdb_points_waiting 0
influxdb_requests_in_flight 0
kafka_batches_lag{partition="0",topic="tweets"} 12345
kafka_batches_lag_seconds{partition="0",topic="tweets"} 2
output_sent{label="dead_letters"} %[1]d
`

// A key holds most of the messages, and partition, brand and further keys have much.
const hotKey = `
kafka_batches_lag{partition="0",topic="customer-updates"} 1204
kafka_batches_lag{partition="1",topic="customer-updates"} 48120
kafka_batches_lag{partition="2",topic="customer-updates"} 998
kafka_batches_lag_seconds{partition="1",topic="customer-updates"} 95
kafka_batches_partition_skew_ratio{partition="1",topic="customer-updates"} 0.83
sentiment_window_brand_skew_ratio{brand="A brand with a name that is longer than any list is wide"} 0.62
sentiment_window_tweets{sentiment="positive"} %[1]d
subpartition_held 5000
subpartition_largest_key 4812
subpartition_hot_key_held{key="app 42"} 4812
subpartition_hot_key_share_ratio{key="app 42"} 0.6
subpartition_hot_key_share_ratio{key="3f6c1d1e-55a4-4d6c-9a6b-0c2d6b8f4f10/device/000000000000000000000000"} 0.07
subpartition_hot_key_share_ratio{key="app 7"} 0.06
process_cpu_seconds_total 12
`

// filled is true once a page has read all of a feed.
const filled = `document.querySelectorAll("#marks button").length >= 2 && document.querySelectorAll("#voice button").length === 5 && document.querySelectorAll(".c-unread rect").length === 0`

// focusChart moves the cursor to the newest window but one, and shows its tip.
var focusChart = chromedp.Tasks{chromedp.Focus(".slider"), chromedp.KeyEvent(kb.ArrowLeft)}

// state is something that a person may see on the page.
type state struct {
	name, view string
	ready      string // an expression that is true once it is there
	board      board
	before     func()
}

// What would break: in one of seven states, at one of three sizes, in light or dark: a
// page that is wider than the screen, labels that are cut off, words that cannot be
// read, something that moves for who asked for rest, or a complaint of the browser.
func TestSevenStatesAtThreeSizes(t *testing.T) {
	t.Parallel()
	db, empty := testenv.Influx(t, testenv.InfluxV1), testenv.Influx(t, testenv.InfluxV2)
	now := feed(t, db)
	g := newGate(t, db)
	live := serve(t, db, "--metrics", metricsOf(t, deadLetters)+",http://127.0.0.1:9/metrics")
	gated := serve(t, g.Database)
	for _, s := range []state{
		{"empty", "#/brand?range=15m", `document.querySelector("#notice").innerText.includes("No tweets yet") && document.querySelector(".c-unread text")`, serve(t, empty), nil},
		{"live", "#/brand?range=15m", filled + ` && document.querySelectorAll("#latest .tweet-text").length > 0`, live, nil},
		{"spike", fmt.Sprintf("#/brand?range=15m&brand=SuperCoffee&at=%d", now-120), filled + ` && document.querySelector("#moment-counts tbody tr")`, live, nil},
		{"overlay", "#/brand?range=15m&brand=SuperCoffee&brand=Kettle+%26+Co", filled + ` && document.querySelectorAll(".c-lines path").length === 2`, live, nil},
		{"dead-letters", "#/pipeline", `document.querySelector("#verdict-title").innerText.includes("of the records are dead letters") && document.querySelectorAll("#endpoints li").length === 2`, live, nil},
		{"hot-key", "#/pipeline", `document.querySelector("#verdict-title").innerText.includes("One key holds") && document.querySelector("#verdict-skew").innerText.includes("Skew")`, serve(t, empty, "--metrics", metricsOf(t, hotKey)), nil},
		{"refused", "#/brand?range=15m", `document.querySelector("#notice").innerText.includes("InfluxDB rejects the token") && document.querySelectorAll("#voice button").length === 5`, gated, func() {
			p := browse(t)
			p.open(gated.url + "#/brand?range=15m")
			p.await("the page is filled", filled)
			g.shut.Store(http.StatusUnauthorized)
		}},
	} {
		if s.before != nil {
			s.before()
		}
		p := browse(t)
		p.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}))
		p.open(s.board.url + s.view)
		p.await(s.name, s.ready)
		p.looksRight(s.name)
	}
}

// looksRight checks the page at three sizes, in light and dark.
func (p *page) looksRight(name string) {
	p.t.Helper()
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"phone", 360, 740}, {"tablet", 820, 1180}, {"wide", 1440, 900}} {
		for _, theme := range []string{"light", "dark"} {
			name := fmt.Sprintf("%s-%s-%s", name, size.name, theme)
			p.run(
				emulation.SetDeviceMetricsOverride(size.width, size.height, 1, size.width < 600),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
				chromedp.Evaluate(`new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(0))))`, nil, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }),
			)
			if wide := eval[string](p, fmt.Sprintf(overflows, size.width)); wide != "" {
				p.t.Errorf("%s: wider than the screen: %s", name, wide)
			}
			if cut := eval[[]string](p, clipped); len(cut) > 0 {
				p.t.Errorf("%s: clipped: %s", name, strings.Join(cut, "; "))
			}
			if faint := eval[[]string](p, tooFaint); len(faint) > 0 {
				p.t.Errorf("%s: cannot be read: %s", name, strings.Join(faint, "; "))
			}
			if n := eval[int](p, `document.getAnimations().filter((a) => a.playState === "running").length`); n > 0 {
				p.t.Errorf("%s: %d things move", name, n)
			}
			p.shoot(name)
		}
	}
}
