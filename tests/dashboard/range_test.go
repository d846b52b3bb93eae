package dashboard_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"image/png"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// history stores an hour of tweets that ended half an hour ago, with nothing before:
// ten per second and brand, and twice as many in its second half.
func history(t *testing.T, db *influxd.Database) (from, to int64) {
	t.Helper()
	to = time.Now().Unix() - 1800
	to -= to % 60
	from = to - 3600
	var lines strings.Builder
	for second := from; second < to; second += 5 {
		factor := 1 + (second-from)/1800
		for _, brand := range []string{"SuperCoffee", "=1+1"} {
			for sentiment, n := range map[string]int64{"positive": 25, "neutral": 10, "negative": 15} {
				fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=%s count=%di %d\n", strings.ReplaceAll(brand, "=", `\=`), sentiment, n*factor, second*1e9)
			}
		}
	}
	if err := db.Write(t.Context(), []byte(lines.String())); err != nil {
		t.Fatal(err)
	}
	return from, to
}

// shown is the range in the address of the page.
func (p *page) shown() (from, to int64) {
	p.t.Helper()
	ends := eval[[]string](p, `["from", "to"].map((name) => new URLSearchParams(location.hash.split("?")[1]).get(name) ?? "")`)
	from, _ = strconv.ParseInt(ends[0], 10, 64)
	to, _ = strconv.ParseInt(ends[1], 10, 64)
	return from, to
}

// drag moves the pointer over the chart with its button down, between two parts of its
// width.
func (p *page) drag(from, to float64) {
	p.t.Helper()
	p.run(chromedp.Evaluate(`document.querySelector(".slider").scrollIntoView({ block: "center" })`, nil))
	box := eval[struct{ X, Y, W, H float64 }](p, `(() => { const b = document.querySelector(".slider").getBoundingClientRect(); return { x: b.x + 56, y: b.y, w: b.width - 56, h: b.height }; })()`)
	p.run(chromedp.ActionFunc(func(ctx context.Context) error {
		at := func(kind input.MouseType, part float64) error {
			return input.DispatchMouseEvent(kind, box.X+box.W*part, box.Y+box.H/2).WithButton(input.Left).WithButtons(1).WithClickCount(1).Do(ctx)
		}
		for _, step := range []struct {
			kind input.MouseType
			part float64
		}{{input.MousePressed, from}, {input.MouseMoved, (from + to) / 2}, {input.MouseMoved, to}, {input.MouseReleased, to}} {
			if err := at(step.kind, step.part); err != nil {
				return err
			}
		}
		return nil
	}))
}

// What would break: a range of one's own shows other numbers than are stored, a
// mistake in it is not said, a part cannot be looked at closely, or there is no way back.
func TestARangeOfOnesOwn(t *testing.T) {
	t.Parallel()
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			db := testenv.Influx(t, version)
			from, to := history(t, db)
			stored, err := oracle.ReadInflux(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			b := serve(t, db)
			p := browse(t)
			p.open(b.url + "#/brand?range=15m")
			p.await("the live range", `document.querySelector("#live-text").innerText === "No tweets"`)
			p.click("#own-toggle")
			enter := func(from, to int64) {
				t.Helper()
				for id, at := range map[string]int64{"own-from": from, "own-to": to} {
					p.run(chromedp.Evaluate(fmt.Sprintf(`document.getElementById(%q).value = %q`, id, time.Unix(at, 0).Local().Format("2006-01-02T15:04:05")), nil))
				}
				p.run(chromedp.Focus("#own-to"), chromedp.KeyEvent(kb.Enter))
			}
			enter(to, from)
			p.await("a mistake is said", `!document.querySelector("#own-error").hidden && document.querySelector("#own-error").innerText.includes("begin before it ends") && document.activeElement.id === "own-from"`)
			enter(from, to)
			p.await("the range is shown", fmt.Sprintf(`document.querySelector("#total").innerText.startsWith(%q) && document.querySelector("#live-text").innerText === "Fixed range" && document.querySelector("#own").hidden && document.querySelector("#pause").hidden`, "108,000 tweets in 1 h"))
			p.click("#as-table")
			if diff := cmp.Diff(wanted(stored, 10), eval[map[string][]int64](p, tableOf)); diff != "" {
				t.Errorf("(-stored +shown)\n%s", diff)
			}
			p.click("#as-table")

			// Somebody else who opens the link sees the same.
			link := eval[string](p, "location.hash")
			other := browse(t)
			other.open(b.url + link)
			other.await("the link shows the same", `document.querySelector("#total").innerText.startsWith("108,000 tweets in 1 h")`)

			p.drag(0.25, 0.5)
			p.await("the part is shown", `document.querySelector("#total").innerText.includes("in 15 min")`)
			if a, z := p.shown(); a < from+880 || a > from+920 || z < from+1780 || z > from+1830 {
				t.Errorf("a drag over the second quarter of %d to %d shows %d to %d", from, to, a, z)
			}
			if !eval[bool](p, `document.querySelector("#moment").hidden`) {
				t.Error("a drag is also a click")
			}
			p.run(chromedp.Evaluate("history.back()", nil))
			p.await("the browser leads back", `document.querySelector("#total").innerText.startsWith("108,000 tweets in 1 h")`)

			shift := func(key string) chromedp.Action {
				return chromedp.KeyEvent(key, chromedp.KeyModifiers(input.ModifierShift))
			}
			p.run(chromedp.Focus(".slider"), chromedp.KeyEvent(kb.Home), shift(kb.PageUp), shift(kb.PageUp), shift(kb.PageUp))
			if got := p.text("#say"); !strings.Contains(got, "Selected ") || !strings.Contains(got, "Enter zooms in") {
				t.Errorf("a selection is told as %q", got)
			}
			p.run(chromedp.KeyEvent(kb.Enter))
			p.await("the selection is shown", fmt.Sprintf(`document.querySelector("#total").innerText.includes("in 5 min 10 s") && location.hash.includes("from=%d") && document.activeElement.className === "slider"`, from))
			p.run(chromedp.KeyEvent("-"))
			p.await("minus zooms out", `document.querySelector("#total").innerText.includes("in 10 min 2")`)
			p.run(chromedp.KeyEvent("+"))
			p.await("plus zooms in", `document.querySelector("#total").innerText.includes("in 5 min 1")`)
			p.click("#back-live")
			p.await("the live range again", `location.hash === "#/brand?range=15m" && document.activeElement.dataset.range === "15m" && document.querySelector("#own-shown").hidden && !document.querySelector("#pause").hidden`)
			p.open(b.url + "#/brand?range=15m&from=1&to=<b>")
			p.await("a link with a range that is none", `document.querySelector("#own-shown").hidden`)
			p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d", from-7200, from-3600))
			p.await("an empty range", `document.querySelector("#notice").innerText.includes("No tweets in this range")`)
			p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d", to-300*86400, to))
			p.await("most of a year", `document.querySelector("#total").innerText.includes("108,000 tweets in 30")`)
		})
	}
}

// What would break: numbers compared with another period or with none, or a filter
// that some part of the page ignores.
func TestComparisonAndSentiments(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	from, to := history(t, db)
	b := serve(t, db)
	p := browse(t)
	half := from + 1800
	p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d", half, to))
	p.await("the second half", `document.querySelector("#total").innerText.startsWith("72,000 ")`)
	p.click("#compare")
	p.await("it is compared", `location.hash.includes("compare=1") && document.querySelector("#rate-change").innerText === "+100 % vs. before" && document.querySelector("#net-change").innerText.startsWith("no change") && document.querySelector("#before-words").innerText.startsWith("Compared with ")`)
	before := func() float64 {
		return eval[float64](p, `(document.querySelector(".chart .before-line").getBoundingClientRect().y - document.querySelector(".chart").getBoundingClientRect().y)`)
	}
	if before() < 100 {
		t.Errorf("the line of the period before is at %f", before())
	}
	p.sizes("compare", fmt.Sprintf("#/brand?range=15m&from=%d&to=%d&compare=1&sentiment=negative", half, to), `!document.querySelector("#rate-change").hidden`, b)
	p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d&compare=1&brand=SuperCoffee&brand=%%3D1%%2B1", half, to))
	p.await("each brand is compared, in its colour", `(() => { const [before, now] = [".before-line", ".brand-line"].map((css) => [...document.querySelectorAll(".chart .c-lines " + css + ", .chart .c-before " + css)].map((e) => getComputedStyle(e).stroke)); return before.length === 2 && before.join() === now.join(); })()`)
	p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d&compare=1", from, half))
	p.await("nothing to compare with is said", `document.querySelector("#before-words").innerText.startsWith("No tweets in the period before") && document.querySelector("#rate-change").hidden && document.querySelector(".chart .before-line") === null && !document.querySelector("#before-note svg").checkVisibility()`)
	// The picture is of an SVG, whose legend has the same words and no line.
	p.run(chromedp.Evaluate(`{ const of = XMLSerializer.prototype.serializeToString; XMLSerializer.prototype.serializeToString = function (root) { window.picture = root; return of.call(this, root); }; }`, nil))
	_, data := p.download(func() { p.click("#save-png") })
	keep(t, "png-nothing-before", data)
	if got := eval[string](p, `[...window.picture.children].filter((e) => e.tagName === "text").map((e) => e.textContent).join(" ")`); !strings.Contains(got, "No tweets in the period before") || !strings.HasSuffix(got, "there is nothing to compare with.") {
		t.Errorf("the legend of the picture is %q", got)
	}
	if got := eval[int](p, `[...window.picture.children].filter((e) => e.tagName === "svg").slice(0, -1).filter((e) => e.querySelector('[stroke-dasharray]:not([stroke-dasharray="none"])')).length`); got != 0 {
		t.Errorf("the legend of the picture has %d dashed lines", got)
	}
	p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d&compare=1", from+600, from+2400))
	p.await("that it began late is said", `document.querySelector("#before-words").innerText.includes("which has tweets only from")`)

	p.open(b.url + fmt.Sprintf("#/brand?range=15m&from=%d&to=%d", from, half))
	p.await("all sentiments", `document.querySelector("#total").innerText.startsWith("36,000 ") && document.querySelector(".area.pos").getAttribute("d") !== ""`)
	p.run(chromedp.Focus(`[data-sentiment="negative"]`), chromedp.KeyEvent(" "))
	p.await("negative alone", `document.querySelector("#chart-title").innerText === "Negative tweets per second" && document.activeElement.getAttribute("aria-pressed") === "true"`)
	height := func(css string) float64 {
		return eval[float64](p, fmt.Sprintf(`document.querySelector(".area.%s").getBBox().height`, css))
	}
	if pos, neg := height("pos"), height("neg"); pos > 1 || neg < 50 {
		t.Errorf("the areas are %f and %f high", pos, neg)
	}
	p.click("#as-table")
	if got := eval[[]string](p, `[...document.querySelectorAll("#table th[scope=col]")].map((cell) => cell.innerText)`); !slices.Equal(got, []string{"Time", "▼ negative", "net"}) {
		t.Errorf("the table has %q", got)
	}
	if got := p.text("#table tbody tr td"); got != "30" {
		t.Errorf("the newest window has %s negative tweets, want 30", got)
	}
}

// What would break: a file with other numbers than the page, one that a spreadsheet
// runs, or a picture without its title, its legend or its colours.
func TestFiles(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	from, to := history(t, db)
	b := serve(t, db)
	p := browse(t)
	hash := fmt.Sprintf("#/brand?range=15m&brand=%%3D1%%2B1&compare=1&from=%d&to=%d", from+1800, to)
	p.open(b.url + hash)
	p.await("the range", `document.querySelector("#rate-change").innerText.startsWith("+100 %")`)
	name, data := p.download(func() { p.click("#save-csv") })
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	stamp := func(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }
	if err != nil || len(rows) != 361 || !strings.HasSuffix(name, ".csv") || strings.Count(string(data), "\r\n") != len(rows) {
		t.Fatalf("%s has %d rows, %v", name, len(rows), err)
	}
	if diff := cmp.Diff([][]string{
		{"start", "seconds", "brands", "positive", "neutral", "negative", "all", "net", "positive_before", "neutral_before", "negative_before", "all_before", "net_before"},
		{stamp(from + 1800), "5", "'=1+1", "50", "20", "30", "100", "20", "25", "10", "15", "50", "20"},
	}, rows[:2]); diff != "" {
		t.Error(diff)
	}
	if got := rows[360][0]; got != stamp(to-5) {
		t.Errorf("the last row is of %s, want %s", got, stamp(to-5))
	}

	for _, theme := range []string{"light", "dark"} {
		p.run(emulation.SetDeviceMetricsOverride(900, 900, 2, false), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}))
		p.await("the chart has its size", `document.querySelector(".chart svg").viewBox.baseVal.width === document.querySelector(".chart").clientWidth`)
		name, data := p.download(func() { p.click("#save-png") })
		keep(t, "png-"+theme, data)
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s of %d bytes: %v", name, len(data), err)
		}
		if got, want := picture.Bounds().Dx(), 2*(eval[int](p, `document.querySelector(".chart").clientWidth`)+40); got != want {
			t.Errorf("%s: %d pixels wide, want %d", theme, got, want)
		}
		// The ground and the areas have the colours of the page.
		ground := rgb(t, eval[string](p, `getComputedStyle(document.body).backgroundColor`))
		colors := map[[3]uint8]int{}
		bounds := picture.Bounds()
		above := 0 // pixels of the title and the legend
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				r, g, b, _ := picture.At(x, y).RGBA()
				color := [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
				colors[color]++
				if y < 180 && color != ground {
					above++
				}
			}
		}
		for _, css := range []string{".area.pos", ".area.neu", ".area.neg"} {
			if color := eval[string](p, fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).fill`, css)); colors[rgb(t, color)] < 1000 {
				t.Errorf("%s: %d pixels have the colour %s of %s", theme, colors[rgb(t, color)], color, css)
			}
		}
		if colors[ground] < 100_000 {
			t.Errorf("%s: %d pixels have the colour %v of the ground", theme, colors[ground], ground)
		}
		if above < 3000 {
			t.Errorf("%s: %d pixels above the chart are not ground: title and legend are missing", theme, above)
		}
	}
}

// rgb reads a colour as a style has it.
func rgb(t *testing.T, color string) (parts [3]uint8) {
	t.Helper()
	if _, err := fmt.Sscanf(color, "rgb(%d, %d, %d)", &parts[0], &parts[1], &parts[2]); err != nil {
		t.Fatalf("the colour %q: %v", color, err)
	}
	return parts
}
