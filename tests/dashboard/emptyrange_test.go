package dashboard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const chartWords = `document.querySelector(".c-unread text")?.textContent`

// hatched is the width of what has not been read, as a part of the chart's.
const hatched = `[...document.querySelectorAll(".c-unread rect")].reduce((sum, e) => sum + e.getBoundingClientRect().width, 0) / (document.querySelector(".chart").clientWidth - 56)`

// If this fails, a range without tweets, or one that is still to come, looks as if it
// were being read, or the page prints its parts over each other.
func TestARangeWithoutTweets(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	from, to := history(t, db)
	b := serve(t, db)
	p := browse(t)
	p.run(emulation.SetDeviceMetricsOverride(1440, 900, 1, false))
	show := func(from, to int64) { p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d", from, to)) }

	show(from-7200, from-3600)
	p.await("the past is read and empty", chartWords+` === "No tweets in this range" && `+hatched+` === 0 && document.querySelector("#notice").innerText.includes("No tweets in this range")`)
	p.click("#own-toggle")
	p.noOverlap("empty-range")

	now := time.Now().Unix()
	show(to+60, now+1800)
	p.await("the part that is still to come is named", chartWords+` === "In the future" && `+hatched+` > 0.4 && `+hatched+` < 0.6`)
	show(now+3600, now+7200)
	p.await("the future is named", chartWords+` === "In the future" && document.querySelector("#notice").innerText.includes("This range begins in the future")`)

	p.click("#back-live")
	p.await("the live range, and the form", `document.querySelector("#own-shown").hidden && !document.querySelector("#own").hidden`)
	for id, at := range map[string]int64{"own-from": now + 3600, "own-to": now + 7200} {
		p.run(chromedp.Evaluate(fmt.Sprintf(`document.getElementById(%q).value = %q`, id, time.Unix(at, 0).Local().Format("2006-01-02T15:04:05")), nil))
	}
	p.run(chromedp.Focus("#own-to"), chromedp.KeyEvent(kb.Enter))
	p.await("the form refuses the future", `document.querySelector("#own-error").innerText === "The range begins in the future. It must begin before now." && document.activeElement.id === "own-from" && !location.hash.includes("from=")`)
}

// noOverlap checks that the parts of the page from top to bottom are below each other.
func (p *page) noOverlap(name string) {
	p.t.Helper()
	p.run(chromedp.Sleep(300 * time.Millisecond)) // the chart follows its size
	p.shoot(name)
	edges := eval[struct{ Chart, Rail, Foot float64 }](p, `({ chart: document.querySelector(".chart").getBoundingClientRect().bottom, rail: document.querySelector(".rail").getBoundingClientRect().bottom, foot: document.querySelector(".foot").getBoundingClientRect().top })`)
	if edges.Chart > edges.Foot+1 || edges.Rail > edges.Foot+1 {
		p.t.Errorf("%s: the footer begins at %.0f, the chart ends at %.0f and the side column at %.0f", name, edges.Foot, edges.Chart, edges.Rail)
	}
}
