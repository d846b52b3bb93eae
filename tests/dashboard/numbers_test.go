package dashboard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// tableOf reads the chart as a table: positive, neutral, negative and all by the
// start of the window.
const tableOf = `Object.fromEntries([...document.querySelectorAll("#table tbody tr")].map((row) => [row.dataset.start, [...row.querySelectorAll("td")].slice(0, 4).map((cell) => Number(cell.innerText.replaceAll(",", "")))]).filter(([, counts]) => counts[3] > 0))`

// wanted is the same from what is stored, by the plainest query.
func wanted(counts oracle.Counts, step int64, brands ...string) map[string][]int64 {
	want := map[string][]int64{}
	for key, n := range counts {
		if len(brands) > 0 && !slices.Contains(brands, key.Brand) {
			continue
		}
		start := fmt.Sprint(key.Second - key.Second%step)
		if want[start] == nil {
			want[start] = make([]int64, 4)
		}
		want[start][slices.Index([]string{"positive", "neutral", "negative"}, key.Sentiment)] += n
		want[start][3] += n
	}
	return want
}

// What would break: a number on the page that InfluxDB does not hold, for windows
// or single tweets, for all brands or one, in any window.
func TestNumbersEqualTheQuery(t *testing.T) {
	for _, emit := range []string{"windows", "tweets"} {
		for _, version := range influxd.Versions {
			t.Run(emit+" in "+version, func(t *testing.T) {
				t.Parallel()
				db := testenv.Influx(t, version)
				b := serve(t, db)
				p := browse(t)
				p.open(b.url + "#/brand?range=15m")
				pipeline, _ := generate(t, db, emit, "rate: 2000\ncount: 12000\nmode: volatile")
				if code := pipeline.Wait(t, time.Minute); code != 0 {
					t.Fatalf("exit code %d", code)
				}
				stored, err := oracle.ReadInflux(t.Context(), db)
				if err != nil || stored.Total() != 12_000 {
					t.Fatalf("%d tweets are stored, %v", stored.Total(), err)
				}
				p.await("all tweets are on the page", `document.querySelector("#total").innerText.startsWith("12,000 ")`)
				p.click("#as-table")
				if diff := cmp.Diff(wanted(stored, 5), eval[map[string][]int64](p, tableOf)); diff != "" {
					t.Errorf("(-stored +shown)\n%s", diff)
				}
				var shares [3]int64
				for key, n := range stored {
					shares[slices.Index([]string{"positive", "neutral", "negative"}, key.Sentiment)] += n
				}
				net := fmt.Sprintf("%+.0f", 100*float64(shares[0]-shares[2])/12_000)
				if got := strings.ReplaceAll(p.text("#net"), "−", "-"); got != net && got != strings.TrimLeft(net, "+-") {
					t.Errorf("net sentiment %s, want %s", got, net)
				}
				// A brand whose name is hostile to queries, to HTML and to addresses.
				const brand = `Café "Très" <b>`
				p.run(chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("#voice button")].find((b) => b.dataset.brand === %q).click()`, brand), nil))
				p.await("the brand is chosen", fmt.Sprintf(`document.querySelector("#brand-title").innerText === %q && !document.querySelector("#total").innerText.startsWith("12,000 ")`, brand))
				p.await("its numbers have come", `document.querySelectorAll("#table tbody tr").length > 0 && document.querySelector("#total").innerText !== ""`)
				if diff := cmp.Diff(wanted(stored, 5, brand), eval[map[string][]int64](p, tableOf)); diff != "" {
					t.Errorf("of one brand (-stored +shown)\n%s", diff)
				}
				p.moment(stored, brand)
			})
		}
	}
}

// moment compares a window in detail, and the texts where there are any.
func (p *page) moment(stored oracle.Counts, brand string) {
	p.t.Helper()
	want := wanted(stored, 5, brand)
	for start, counts := range want {
		p.run(chromedp.Evaluate(`location.hash += "&at=`+start+`"`, nil))
		p.await("the moment is shown", `document.querySelector("#moment-counts tbody td")`)
		got := eval[[]string](p, `[...document.querySelectorAll("#moment-counts tbody tr:last-child td")].slice(0, 4).map((cell) => cell.innerText)`)
		for i, n := range counts {
			if strings.ReplaceAll(got[i], ",", "") != fmt.Sprint(n) {
				p.t.Errorf("the moment %s shows %v, want %v", start, got, counts)
				break
			}
		}
		return
	}
}

// What would break: tweets that are on the page later than two seconds after they
// were sent. The time is taken by the page itself, for tweets of a pipeline, each
// with a brand of its own. This machine may be busy with other tests: the median
// counts.
func TestFreshWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	b := serve(t, db)
	p := browse(t)
	p.open(b.url)
	p.await("the page reads", `document.querySelector("#live-text").innerText === "No tweets"`)
	p.run(chromedp.Evaluate(`
		window.seen = {};
		new MutationObserver(() => {
			for (const button of document.querySelectorAll("#voice button")) {
				const sent = Number(button.dataset.brand.replace("sent ", ""));
				if (sent) window.seen[sent] ??= Date.now() - sent;
			}
		}).observe(document.querySelector("#voice"), { subtree: true, childList: true, attributes: true, characterData: true }); 0`, nil))
	startTicks(t, db)
	p.await("ten tweets have been seen", `Object.keys(window.seen).length >= 10`)
	ages := eval[[]float64](p, `Object.values(window.seen)`)
	slices.Sort(ages)
	t.Logf("milliseconds from a tweet to the page: %v", ages)
	if median := ages[len(ages)/2]; median > 2000 {
		t.Errorf("the median is %v ms, want 2000 at most", median)
	}
}

// startTicks runs a pipeline with a tweet every 700 ms, whose brand is when it was
// sent.
func startTicks(t *testing.T, db *influxd.Database) {
	t.Helper()
	testenv.Start(t, testenv.Command{Args: []string{"run", writeConfig(t, fmt.Sprintf(`
http: { enabled: false }
input:
  generate:
    interval: 700ms
    mapping: |
      let now = timestamp_unix_milli()
      root = { "id": uuid_v4(), "text": "tick", "brand": "sent " + $now.string(), "sentiment": "positive", "timestamp": $now }
pipeline:
  processors:
    - sentiment_window: { encoding: json }
output:
  influxdb: { url: %q, token: %q, org: %q, bucket: %q, flush_period: 500ms }
`, db.URL, db.Token, db.Org, db.Bucket))}})
}
