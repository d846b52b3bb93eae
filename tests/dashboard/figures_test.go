package dashboard_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: a figure of the whole range is taken for one of now, sentiments are
// in another order somewhere, or two brands are added up.
func TestFigures(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	now := feed(t, db)
	b := serve(t, db, "--metrics", metricsOf(t, deadLetters))
	p := browse(t)
	p.open(fmt.Sprintf("%s#/brand?range=15m&at=%d", b.url, now-200))
	p.await("the page is filled", filled+` && document.querySelector("#moment-counts tbody tr")`)

	t.Run("say the time that they are of", func(t *testing.T) {
		const times = `Object.fromEntries([...document.querySelectorAll("#brand .figure h2, #brand .panel h2")].filter((e) => e.checkVisibility() && e.id !== "moment-title").map((e) => [e.firstChild.textContent.trim(), e.querySelector(".when")?.textContent ?? "none"]))`
		want := map[string]string{
			"Tweets per second": "now", "Net sentiment": "last 15 min", "Share of each sentiment": "last 15 min", "Tweets per second by sentiment": "last 15 min, by 5 s",
			"Share of voice": "last 15 min", "Spikes and inversions": "last 15 min", "Latest tweets": "last 1 min",
		}
		if diff := cmp.Diff(want, eval[map[string]string](p, times)); diff != "" {
			t.Errorf("(-want +shown)\n%s", diff)
		}
	})

	t.Run("have one order of sentiments", func(t *testing.T) {
		p.run(focusChart)
		p.click("#as-table")
		p.await("the table", `document.querySelector("#table thead")`)
		const orders = `({
			legend: [...document.querySelectorAll("#sentiments button")].map((e) => e.classList[1]),
			shares: [...document.querySelectorAll(".share-list > div")].sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left).map((e) => e.className),
			bar: [...document.querySelectorAll("#share-bar span")].map((e) => e.className),
			voice: [...document.querySelectorAll("#voice li:first-child .stack span")].map((e) => e.className),
			moment: [...document.querySelectorAll("#moment-counts thead th[class]")].map((e) => e.className),
			table: [...document.querySelectorAll("#table thead th")].slice(1, 4).map((e) => e.textContent.slice(2, 5)),
			tip: [...document.querySelectorAll(".tip p[class]")].map((e) => e.className).filter((c) => !c.startsWith("tip")),
		})`
		order := []string{"pos", "neu", "neg"}
		want := map[string][]string{"legend": order, "shares": order, "bar": order, "voice": order, "moment": order, "table": order, "tip": order}
		if diff := cmp.Diff(want, eval[map[string][]string](p, orders)); diff != "" {
			t.Errorf("(-want +shown)\n%s", diff)
		}
		p.click("#as-table")
		const top = `["pos", "neu", "neg"].map((name) => document.querySelector(".area." + name).getBBox().y)`
		if y := eval[[]float64](p, top); !(y[0] < y[1] && y[1] < y[2]) {
			t.Errorf("the areas of positive, neutral and negative begin at %v", y)
		}
	})

	t.Run("name the brand of a spike", func(t *testing.T) {
		if got := p.text("#marks [data-kind=spike]"); !strings.Contains(got, "× usual volume") || !strings.Contains(got, "SuperCoffee") || strings.Contains(got, "Kettle") {
			t.Errorf("the spike of SuperCoffee is %q", got)
		}
	})

	t.Run("of two brands are apart", func(t *testing.T) {
		p.open(b.url + "#/brand?range=15m&brand=SuperCoffee&brand=Kettle+%26+Co")
		p.await("a line for each", filled+` && document.querySelectorAll(".c-lines path").length === 2 && [...document.querySelectorAll(".c-lines path")].every((e) => e.getAttribute("d").length > 100)`)
		if got := eval[[]string](p, `[...document.querySelectorAll("#legend li")].map((e) => e.textContent)`); !cmp.Equal(got, []string{"SuperCoffee", "Kettle & Co"}) {
			t.Errorf("the legend has %q", got)
		}
		if areas := eval[int](p, `[...document.querySelectorAll(".area")].filter((e) => e.getAttribute("d")).length`); areas > 0 {
			t.Errorf("%d areas of their sum are drawn", areas)
		}
		// The spike is in one of the lines, and the mark has its colour.
		if high := eval[[]float64](p, `[...document.querySelectorAll(".c-lines path")].map((e) => e.getBBox().height)`); high[0] < 5*high[1] {
			t.Errorf("the lines are %v high", high)
		}
		if got := eval[bool](p, `getComputedStyle(document.querySelector(".c-marks .mark-spike")).fill === getComputedStyle(document.querySelector(".c-lines path")).stroke`); !got {
			t.Error("the mark of the spike has not the colour of its brand")
		}
		p.run(focusChart)
		if got := eval[[]string](p, `[...document.querySelectorAll(".tip .tip-brand span")].map((e) => e.textContent)`); !cmp.Equal(got, []string{"SuperCoffee", "Kettle & Co"}) {
			t.Errorf("the tip has %q", got)
		}
		for _, figure := range []string{".figure h2", ".figure.net h2", ".figure.shares h2"} {
			if got := p.text(figure); !strings.HasSuffix(got, "2 brands") {
				t.Errorf("a figure of their sum is called %q", got)
			}
		}
		p.run(emulation.SetDeviceMetricsOverride(1440, 900, 1, false))
		p.shoot("three-figures")
		if got := eval[[]float64](p, `[...document.querySelectorAll(".figure h2")].map((e) => e.getBoundingClientRect().height)`); slices.Max(got) > 25 {
			t.Errorf("the titles of figures are %v high, want one line", got)
		}
		p.run(emulation.ClearDeviceMetricsOverride())
		p.click("#as-table")
		if got := eval[[]string](p, `[...document.querySelectorAll("#table thead th")].map((e) => e.textContent)`); !cmp.Equal(got, []string{"Time", "SuperCoffee", "net", "Kettle & Co", "net"}) {
			t.Errorf("the table has %q", got)
		}
	})

	t.Run("of pipelines say the time and what is not measured", func(t *testing.T) {
		p.open(b.url + "#/pipeline")
		p.await("two readings", `document.querySelector("[data-stage=decoded] .big")?.textContent.length > 3`)
		if bare := eval[[]string](p, `[...document.querySelectorAll(".tile h3")].filter((e) => !e.querySelector(".when").textContent).map((e) => e.textContent)`); len(bare) > 0 {
			t.Errorf("tiles without a time: %q", bare)
		}
		const figures = `[...document.querySelectorAll(".stage, .tile")].map((e) => [e.querySelector("h3").firstChild.textContent.trim(), e.querySelector(".big, .value")]).filter(([, e]) => e.textContent === "–")`
		unmeasured := eval[map[string]string](p, `Object.fromEntries(`+figures+`.map(([name, e]) => [name, e.title]))`)
		for name, metric := range map[string]string{"Generated": "tweet_generator_generated", "Retries": "influxdb_retries", "InfluxDB's response": "influxdb_request_latency_ns"} {
			if !strings.Contains(unmeasured[name], metric) {
				t.Errorf("%s is not measured, and its title is %q", name, unmeasured[name])
			}
		}
		for name, title := range unmeasured {
			if title == "" {
				t.Errorf("%s does not say why it is not measured", name)
			}
		}
		if got := p.text(".tile:nth-child(8) .value"); got != "0" {
			t.Errorf("%s points are rejected, want 0: the output counts them", got)
		}
	})
}

// What would break: an axis of a chart without tweets, or with labels that are the same.
func TestAnEmptyChart(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	b := serve(t, db)
	p := browse(t)
	p.open(b.url + "#/brand?range=15m")
	const labels = `[...document.querySelectorAll(".c-labels text:not(.time)")].map((e) => e.textContent)`
	p.await("it is read", `document.querySelector("#live-text").innerText === "No tweets" && document.querySelector(".c-unread text")?.textContent === "No tweets in this range"`)
	if got := eval[[]string](p, labels); !cmp.Equal(got, []string{"net 0"}) && len(got) > 0 {
		t.Errorf("an empty chart has the labels %q", got)
	}
	if err := db.Write(t.Context(), []byte(line("A", "positive", "one", time.Now()))); err != nil {
		t.Fatal(err)
	}
	p.open(b.url + "#/brand?range=1m")
	p.await("the tweet is drawn", `document.querySelector("#total").innerText.startsWith("1 tweet ")`)
	p.await("its axis is whole", labels+`.filter((label) => /^[0-9.]+$/.test(label)).join() === "1,2"`)
}

// If this fails, the page says that there are no tweets before it has read any.
func TestNothingIsSaidBeforeItIsRead(t *testing.T) {
	t.Parallel()
	g := newGate(t, testenv.Influx(t, testenv.InfluxV1))
	b := serve(t, g.Database)
	p := browse(t)
	const said = `getComputedStyle(document.querySelector("#voice"), "::before").content + document.querySelector("#marks").innerText`
	g.waits.Lock()
	p.open(b.url + "#/brand?range=15m")
	p.await("it is being read", `document.querySelector("#live-text").innerText === "Reading" && document.querySelector(".c-unread text")?.textContent === "Reading…"`)
	if got := eval[string](p, said); got != `""` {
		t.Errorf("before it is read, the page says %s", got)
	}
	if got := eval[string](p, `document.querySelector("#net").title`); got != "Not read yet" {
		t.Errorf("before it is read, net sentiment is %q", got)
	}
	g.waits.Unlock()
	p.await("it is read", said+` === '"No tweets."None.'`)
}

// What would break: the page reads on for ever while InfluxDB refuses or does not
// respond, seconds without an answer look like seconds without tweets, or nobody knows
// since when.
func TestNoAnswerIsSaid(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV2)
	feed(t, db)
	g := newGate(t, db)
	b := serve(t, g.Database)
	p := browse(t)
	p.open(b.url + "#/brand?range=1m")
	p.await("it is live", `document.querySelector("#live-text").innerText === "Live"`)
	g.shut.Store(http.StatusUnauthorized)
	p.await("InfluxDB's words, and since when", `document.querySelector("#notice").innerText.includes("InfluxDB responded 401: authorization failed for this test") && /No data since \d\d:\d\d:\d\d \((\d+) s\)/.test(document.querySelector("#notice-since").innerText)`)
	p.await("the age grows", `Number(document.querySelector("#notice-since").innerText.match(/\((\d+) s\)/)[1]) > 4 && /No data for \d+ s/.test(document.querySelector("#live-text").innerText)`)
	p.await("the seconds since then are not known", `document.querySelector(".c-unread rect")?.getBoundingClientRect().width > 20`)
	if got := eval[string](p, `document.querySelector("#rate").innerText + document.querySelector("#rate").title`); !strings.HasPrefix(got, "–InfluxDB responded 401") {
		t.Errorf("the rate of now is %q", got)
	}
	if body := strings.ToLower(p.text("body") + eval[string](p, `document.querySelector("#chart").textContent`)); strings.Contains(body, "reading…") {
		t.Error("the page reads while InfluxDB refuses")
	}
	p.open(b.url + "#/brand?range=24h")
	p.await("older windows are not read", `/^(Not read|No data since .*)$/.test(document.querySelector(".c-unread text")?.textContent)`)
	other := serve(t, g.Database)
	fresh := browse(t)
	fresh.open(other.url)
	fresh.await("a page that has read nothing", `document.querySelector(".c-unread text")?.textContent.startsWith("No data since ") && document.querySelector("#net").title.includes("401")`)
	p.open(b.url + "#/brand?range=1m")
	g.shut.Store(0)
	p.await("it is live again, and knows all", `document.querySelector("#live-text").innerText === "Live" && document.querySelector("#notice").hidden && document.querySelectorAll(".c-unread rect").length === 0`)
}

// What would break: a page whose stream breaks without a word goes on as if it were
// live.
func TestASilentStreamIsSaid(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	b := serve(t, db)
	p := browse(t)
	p.open(b.url)
	p.await("it is read", `document.querySelector("#live-text").innerText === "No tweets"`)
	b.Pause(t)
	fresh := time.Now()
	p.await("it is said", `document.querySelector("#notice").innerText.includes("The dashboard does not respond") && /No response since \d\d:\d\d:\d\d \(\d+ s\)/.test(document.querySelector("#notice").innerText)`)
	t.Logf("said after %v", time.Since(fresh))
	b.Resume(t)
	p.await("it recovers", `document.querySelector("#live-text").innerText === "No tweets" && document.querySelector("#notice-words").innerText.includes("No tweets yet")`)
}

// What would break: the first tweets of a feed are a spike.
func TestTheStartOfAFeedIsNoSpike(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	now := time.Now().Unix()
	var lines strings.Builder
	for _, age := range []int64{700, 500} { // single tweets of a trial, long before
		fmt.Fprintf(&lines, "tweets,brand=SuperCoffee,sentiment=positive count=1i %d\n", (now-age)*1e9)
	}
	for at := now - 100; at <= now; at++ {
		lines.WriteString(second(at, now+1000))
	}
	if err := db.Write(t.Context(), []byte(lines.String())); err != nil {
		t.Fatal(err)
	}
	b := serve(t, db)
	p := browse(t)
	p.open(b.url + "#/brand?range=15m")
	p.await("the feed is drawn", `document.querySelectorAll("#voice button").length === 5 && document.querySelectorAll(".c-unread rect").length === 0`)
	if got := p.text("#marks"); got != "None." {
		t.Errorf("a feed that has just begun has %q", got)
	}
}
