package dashboard_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// texts are those of the tweets that the page lists.
const texts = `[...document.querySelectorAll("#latest .tweet-text")].map((text) => text.textContent).join("|")`

// What would break: a search that finds too much or too little, with words that mean
// something to a query, a pattern or HTML, or one that ignores the other choices.
func TestSearch(t *testing.T) {
	t.Parallel()
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			db := testenv.Influx(t, version)
			now := time.Now()
			const hostile = `a.*b $1 'x' <b>STRASSE</b> \d`
			var lines strings.Builder
			for i, tweet := range [][3]string{
				{"A", "positive", "Best COFFEE in town"},
				{"B", "negative", "The coffee was cold"},
				{"A", "neutral", "Tea for me"},
				{"B", "neutral", hostile},
			} {
				lines.WriteString(line(tweet[0], tweet[1], tweet[2], now.Add(-time.Duration(i)*time.Second)))
			}
			// Older than the latest tweets, and still in the range.
			lines.WriteString(line("A", "negative", "old coffee", now.Add(-10*time.Minute)))
			if err := db.Write(t.Context(), []byte(lines.String())); err != nil {
				t.Fatal(err)
			}
			b := serve(t, db)
			p := browse(t)
			p.open(b.url + "#/brand?range=15m")
			p.await("the latest", `document.querySelectorAll("#latest .tweet-text").length === 4`)
			p.run(chromedp.Focus("#search-text"), chromedp.KeyEvent("coffee"), chromedp.KeyEvent(kb.Enter))
			p.await("in any case, in the whole range", fmt.Sprintf(`%s === "Best COFFEE in town|The coffee was cold|old coffee" && location.hash.includes("q=coffee") && document.querySelector("#latest-note").innerText.startsWith("3 stored texts contain")`, texts))
			if got := p.text("#latest mark"); got != "COFFEE" {
				t.Errorf("the word that was found is marked as %q", got)
			}
			p.click(`[data-sentiment="negative"]`)
			p.await("negative alone", fmt.Sprintf(`%s === "The coffee was cold|old coffee"`, texts))
			p.run(chromedp.Evaluate(`[...document.querySelectorAll("#voice button")].find((b) => b.dataset.brand === "A").click()`, nil))
			p.await("of one brand", fmt.Sprintf(`%s === "old coffee"`, texts))
			for _, search := range []string{"a.*b", "$1", "'x'", "<b>strasse</b>", `\d`, "x $1 a.*B"} {
				p.open(b.url + "#/brand?range=15m&" + "q=" + strings.NewReplacer("$", "%24", `\`, "%5C", " ", "+", "'", "%27", "<", "%3C", ">", "%3E", "/", "%2F").Replace(search))
				p.await("found by "+search, fmt.Sprintf(`%s === %q`, texts, hostile))
			}
			p.open(b.url + "#/brand?range=15m&q=c.ffee")
			p.await("a pattern is no pattern", `document.querySelector("#latest").innerText.startsWith("No stored text of this range contains “c.ffee”")`)
			p.run(chromedp.Focus("#search-text"), chromedp.KeyEvent(kb.Escape))
			p.await("all again", `document.querySelectorAll("#latest .tweet-text").length === 4 && document.querySelector("#search-text").value === "" && !location.hash.includes("q=")`)
		})
	}
}

// If this fails, the texts that a search finds are below the edge of the side column,
// or the page is higher than a screen that nobody scrolls.
func TestWhatASearchFindsIsSeen(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	feed(t, db)
	b := serve(t, db)
	p := browse(t)
	p.run(emulation.SetDeviceMetricsOverride(1440, 900, 1, false))
	p.open(b.url + "#/brand?range=15m")
	p.await("the page", filled+` && document.querySelectorAll("#latest .tweet-text").length > 0`)
	p.noOverlap("all-parts")
	if got := eval[int](p, `document.documentElement.scrollHeight`); got > 900 {
		t.Errorf("the page is %d pixels high, want the 900 of the screen", got)
	}
	p.run(chromedp.Evaluate(`document.querySelector(".rail").scrollTop = 1000`, nil))
	p.run(chromedp.Focus("#search-text"), chromedp.KeyEvent("coffee"))
	p.await("five texts are found", `document.querySelector("#latest-note").innerText.startsWith("5 stored texts contain")`)
	p.noOverlap("search")
	const whole = `(() => {
		const rail = document.querySelector(".rail").getBoundingClientRect();
		return ["#search-text", "#latest li:nth-child(1)", "#latest li:nth-child(5)"].every((css) => { const e = document.querySelector(css).getBoundingClientRect(); return e.top >= rail.top - 1 && e.bottom <= Math.min(rail.bottom, innerHeight) + 1; });
	})()`
	if !eval[bool](p, whole+` && document.activeElement.id === "search-text"`) {
		t.Error("the box or the texts that were found are not seen, or the box has lost the focus")
	}
}

// What would break: numbers that change under the eyes of who looks at them closely, or
// a page that nobody knows to be old.
func TestPause(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	_, metrics := generate(t, db, "windows", "rate: 500")
	b := serve(t, db, "--metrics", metrics)
	p := browse(t)
	p.open(b.url)
	p.await("it is live", `document.querySelector("#live-text").innerText === "Live" && document.querySelectorAll("#voice button").length === 3`)
	p.run(chromedp.Focus("#pause"), chromedp.KeyEvent(kb.Enter))
	p.await("it says since when", `/^Paused since \d\d:\d\d:\d\d$/.test(document.querySelector("#live-text").innerText) && document.querySelector("#pause").innerText === "Resume"`)
	time.Sleep(300 * time.Millisecond) // what had been received is drawn
	before, first := p.text("#total"), eval[string](p, `document.querySelector(".slider").getAttribute("aria-valuetext")`)
	time.Sleep(2500 * time.Millisecond)
	if after, last := p.text("#total"), eval[string](p, `document.querySelector(".slider").getAttribute("aria-valuetext")`); after != before || last != first {
		t.Errorf("while it is paused, %q becomes %q and %q becomes %q", before, after, first, last)
	}
	// Another choice is of the same time.
	when := p.text("[data-when=sum]")
	p.click("#voice button")
	p.await("one brand, at the same time", `document.querySelector("#all-brands").hidden === false && /tweets in 1 min/.test(document.querySelector("#total").innerText) && document.querySelector("#live-text").innerText.startsWith("Paused since")`)
	p.click("#all-brands")
	p.await("all brands, at the same time", fmt.Sprintf(`document.querySelector("#all-brands").hidden && document.querySelector("[data-when=sum]").innerText === %q`, when))
	if !regexp.MustCompile(`^1 min until \d\d:\d\d:\d\d$`).MatchString(when) {
		t.Errorf("the figures are of %q", when)
	}
	p.click("#pause")
	p.await("it continues", fmt.Sprintf(`document.querySelector("#live-text").innerText === "Live" && document.querySelector("#total").innerText !== %q && document.querySelector("[data-when=sum]").innerText === "last 1 min"`, before))

	p.click("#to-pipeline")
	p.await("the pipeline is live", `document.querySelector("#live-text").innerText === "Live"`)
	p.click("#pause")
	p.await("it is paused", `document.querySelector("#live-text").innerText.startsWith("Paused since")`)
	p.click("#to-dead")
	p.await("another view begins live", `document.querySelector("#pause").innerText === "Pause"`)
}
