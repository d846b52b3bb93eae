package dashboard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func writeConfig(t *testing.T, config string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What would break: a tweet that runs in the page of who looks at it.
func TestATweetWithHTMLDoesNothing(t *testing.T) {
	t.Parallel()
	const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>bold</b>&amp;`
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			db := testenv.Influx(t, version)
			now := time.Now()
			lines := line(hostile, "negative", hostile, now) + line("A", "positive", "harmless", now)
			if err := db.Write(t.Context(), []byte(lines)); err != nil {
				t.Fatal(err)
			}
			b := serve(t, db)
			p := browse(t)
			p.open(fmt.Sprintf("%s#/brand?range=1m&at=%d", b.url, now.Unix()))
			p.await("both tweets are shown", `document.querySelectorAll("#latest .tweet-text").length === 2 && document.querySelectorAll("#moment-tweets .tweet-text").length === 2 && document.querySelectorAll("#voice button").length === 2`)
			for _, selector := range []string{"#latest .neg .tweet-text", "#latest .neg .tweet-brand", "#moment-tweets .neg .tweet-text"} {
				if got := p.text(selector); got != hostile {
					t.Errorf("%s reads %q, want %q", selector, got, hostile)
				}
			}
			if !eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll(".voice-name")].some((name) => name.textContent === %q)`, hostile)) {
				t.Errorf("the brand is not shown as it is: %s", p.text("#voice"))
			}
			if eval[bool](p, `"hacked" in window || document.querySelector("main img, main script, main b:not(.tip b)") !== null`) {
				t.Error("the tweet has become a part of the page")
			}
			// Nor does a link with such a name.
			p.open(b.url + "#/brand?range=1m&brand=%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E&at=%3Cb%3E")
			p.await("the name is shown", `document.querySelector("#brand-title").innerText.startsWith("<img")`)
			if eval[bool](p, `"hacked" in window || document.querySelector("main img") !== null`) {
				t.Error("the link has become a part of the page")
			}
		})
	}
}

// What would break: a brand whose name holds control characters is in the list, and
// the page hangs when it is chosen, or nobody can see what it is called.
func TestABrandWithControlCharacters(t *testing.T) {
	t.Parallel()
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			db := testenv.Influx(t, version)
			now := time.Now()
			var lines string
			brands := map[string]string{"T\rea\x01": "T\u240dea\u2401", "\x7f\t": "\u2421\u2409", "\u202eaeT\u0085": `\u202eaeT\u0085`}
			for name := range brands {
				lines += line(name, "negative", "of "+brands[name], now)
			}
			if err := db.Write(t.Context(), []byte(lines+line("A", "positive", "harmless", now))); err != nil {
				t.Fatal(err)
			}
			b := serve(t, db)
			for name, shown := range brands {
				p := browse(t)
				p.open(fmt.Sprintf("%s#/brand?range=1m", b.url))
				p.await("all brands are shown", `document.querySelectorAll("#voice button").length === 4`)
				p.run(chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("#voice button")].find((b) => b.dataset.brand === %q).click()`, name), nil))
				p.await("it alone is shown", fmt.Sprintf(`document.querySelector("#brand-title").innerText === %q && document.querySelector("#total").innerText.startsWith("1 tweet in the last ") && document.querySelector("#share-negative").innerText === "100 %%"`, shown))
				p.await("its tweet is shown", fmt.Sprintf(`[...document.querySelectorAll("#latest li")].map((row) => row.querySelector(".tweet-brand").textContent + row.querySelector(".tweet-text").textContent).join() === %q`, shown+"of "+shown))
				if got := p.text("#live-text"); got == "Connecting" || got == "Refused" {
					t.Errorf("%q: %s", name, got)
				}
			}
		})
	}
}

// What would break: a page that the server refuses waits for ever without a word.
func TestARefusalIsSaid(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	b := serve(t, db)
	p := browse(t, "400 (Bad Request)")
	p.open(b.url + "#/brand?range=1m&brand=" + strings.Repeat("a", 600))
	p.await("it is said", `document.querySelector("#notice").innerText.includes("longer than 512 bytes") && document.querySelector("#live-text").innerText === "Refused"`)
	p.click("#all-brands")
	p.await("the page goes on", `document.querySelector("#live-text").innerText === "No tweets"`)
}

// What would break: a person who starts this sees an empty page, and not what to
// do about it.
func TestWhatToDoIsSaid(t *testing.T) {
	t.Parallel()
	const gone = "ERR_CONNECTION_REFUSED"
	v1, v2 := testenv.Influx(t, testenv.InfluxV1), testenv.Influx(t, testenv.InfluxV2)
	for name, c := range map[string]struct {
		db    *influxd.Database
		title string
		help  string
	}{
		"nothing answers":     {influxd.NewDatabase("http://127.0.0.1:9", "o", "b", ""), "InfluxDB is unreachable at http://127.0.0.1:9", "--influxdb-url"},
		"token is wrong":      {influxd.NewDatabase(v2.URL, v2.Org, v2.Bucket, "wrong"), "InfluxDB rejects the token", "INFLUXDB_TOKEN"},
		"no bucket in 1.8":    {v1.Sibling("other"), "InfluxDB has no bucket other", "--influxdb-bucket"},
		"no bucket in 2.7":    {v2.Sibling("other"), "InfluxDB has no bucket other", "--influxdb-bucket"},
		"no tweets yet":       {v1, "No tweets yet", "generate.yaml"},
		"no tweets yet in v2": {v2, "No tweets yet", "generate.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, c.db)
			p := browse(t)
			p.open(b.url)
			p.await("a notice", fmt.Sprintf(`document.querySelector("#notice").innerText.includes(%q)`, c.title))
			if got := p.text("#notice pre"); !strings.Contains(got, c.help) {
				t.Errorf("it does not say %s: %q", c.help, got)
			}
			if strings.Contains(p.text("body"), "wrong") {
				t.Error("the token is on the page")
			}
		})
	}
	t.Run("the dashboard goes and comes back", func(t *testing.T) {
		t.Parallel()
		db := testenv.Influx(t, testenv.InfluxV1)
		b := serve(t, db)
		p := browse(t, gone, "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
		p.open(b.url)
		p.await("it is read", `document.querySelector("#live-text").innerText === "No tweets"`)
		b.Kill(t)
		p.await("it says so", `document.querySelector("#notice").innerText.includes("The dashboard does not respond")`)
		b.Restart(t)
		if err := db.Write(t.Context(), []byte(line("A", "positive", "back", time.Now()))); err != nil {
			t.Fatal(err)
		}
		p.await("it goes on by itself", `document.querySelector("#live-text").innerText === "Live" && document.querySelector("#notice").hidden`)
	})
	t.Run("the pipeline goes", func(t *testing.T) {
		t.Parallel()
		db := testenv.Influx(t, testenv.InfluxV2)
		pipeline, metrics := generate(t, db, "windows", "rate: 1000")
		b := serve(t, db, "--metrics", metrics)
		p := browse(t)
		p.open(b.url + "#/pipeline")
		p.await("all stages keep up", `document.querySelector("#verdict-title").innerText === "All stages keep up"`)
		for _, stage := range []string{"generated", "decoded", "windowed", "stored"} {
			p.await(stage+" is near 1,000/s", fmt.Sprintf(`Math.abs(Number(document.querySelector("[data-stage=%s] .big")?.innerText.replace(/[≈, ]/g, "")) - 1000) < 250`, stage))
		}
		p.shoot("pipeline")
		pipeline.Kill(t)
		p.await("it says so", `document.querySelector("#verdict-title").innerText === "No pipeline responds" && document.querySelector("#endpoints").innerText.includes("no response since")`)
		pipeline.Restart(t)
		p.await("it goes on by itself", `document.querySelector("#verdict-title").innerText === "All stages keep up"`)
	})
}

// fill stores some minutes of tweets with a spike and an inversion.
func fill(t *testing.T, db *influxd.Database) (now int64) {
	t.Helper()
	now = time.Now().Unix()
	var lines strings.Builder
	for second := now - 800; second <= now; second++ {
		for i, brand := range []string{"SuperCoffee", "Kettle & Co", "A brand with a name that is longer than any list is wide"} {
			positive, negative := 50/(i+1), 20/(i+1)
			if second > now-400 && second < now-300 {
				positive, negative = negative, positive*2
			}
			if second > now-200 && second < now-180 {
				positive, negative = positive*6, negative*6
			}
			tag := strings.ReplaceAll(brand, " ", `\ `)
			fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=positive count=%di %d\n", tag, positive, second*1e9)
			fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=negative count=%di %d\n", tag, negative, second*1e9)
			fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=neutral count=%di %d\n", tag, 15, second*1e9)
		}
	}
	for i := range 20 {
		lines.WriteString(line("SuperCoffee", []string{"positive", "negative", "neutral"}[i%3], "Best coffee I have had in a long time, and the staff are lovely!", time.Unix(now, int64(i+1))))
	}
	if err := db.Write(t.Context(), []byte(lines.String())); err != nil {
		t.Fatal(err)
	}
	return now
}

// What would break: a person without a pointer cannot use the page.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	fill(t, db)
	b := serve(t, db)
	p := browse(t)
	p.open(b.url + "#/brand?range=15m")
	p.await("data", `document.querySelectorAll(".c-unread rect").length === 0 && document.querySelectorAll("#marks button").length >= 3 && document.querySelectorAll("#voice button").length === 3`)

	// Each stop on the way must be seen, and have a name.
	var stops []string
	for range 20 {
		p.run(chromedp.KeyEvent(kb.Tab))
		stop := eval[struct{ Name, ID, Outline string }](p, `(() => { const e = document.activeElement; return { name: (e.getAttribute("aria-label") ?? e.innerText).trim(), id: e.id || e.dataset.range || e.dataset.sentiment || e.className || e.tagName, outline: getComputedStyle(e).outlineStyle }; })()`)
		if stop.Name == "" || stop.Outline == "none" {
			t.Errorf("the stop %s has the name %q and the outline %s", stop.ID, stop.Name, stop.Outline)
		}
		stops = append(stops, stop.ID)
	}
	if got, want := strings.Join(stops[:16], " "), "skip to-brand to-pipeline to-dead pause theme 15m own-toggle as-table positive neutral negative compare save-csv save-png slider"; got != want {
		t.Errorf("the way is %s, want %s", got, want)
	}

	// The range moves on with each window that ends, and the window under the cursor
	// then has another number.
	p.click("#pause")
	p.await("it is paused", `document.querySelector("#live-text").innerText.startsWith("Paused since")`)
	p.run(chromedp.Focus(".slider"), chromedp.KeyEvent(kb.Home))
	first := p.text(".tip")
	p.run(chromedp.KeyEvent(kb.ArrowRight))
	if now := eval[string](p, `document.querySelector(".slider").getAttribute("aria-valuenow")`); now != "1" || p.text(".tip") == first {
		t.Errorf("an arrow key leads from the first window to %s", now)
	}
	p.run(chromedp.KeyEvent(kb.PageUp), chromedp.KeyEvent(kb.PageUp))
	if words := eval[string](p, `document.querySelector(".slider").getAttribute("aria-valuetext")`); !strings.Contains(words, "tweets per second") || !strings.Contains(words, "net ") {
		t.Errorf("a moment is told as %q", words)
	}
	p.run(chromedp.KeyEvent(kb.Enter))
	p.await("Enter shows the moment", `/at=\d+/.test(location.hash) && document.querySelector("#moment-counts tbody tr")`)
	p.run(chromedp.KeyEvent(kb.Escape))
	p.await("Escape lets go", `!location.hash.includes("at=") && document.querySelector("#moment").hidden`)
	p.click("#pause")

	p.run(chromedp.Focus(`[data-range="15m"]`), chromedp.KeyEvent(kb.ArrowRight))
	p.await("an arrow key takes the next range", `location.hash.includes("range=1h") && document.activeElement.dataset.range === "1h" && document.activeElement.getAttribute("aria-checked") === "true"`)
	p.run(chromedp.Focus("#voice button"), chromedp.KeyEvent(" "))
	p.await("space chooses a brand", `document.querySelector("#voice button").getAttribute("aria-pressed") === "true" && document.querySelector("#brand-title").innerText === "SuperCoffee"`)
}

// What would break: a link that shows something else to who gets it, and a back
// button that goes elsewhere.
func TestALinkShowsTheSame(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	now := fill(t, db)
	b := serve(t, db)
	p := browse(t)
	at := now - 350 - (now-350)%5
	p.open(fmt.Sprintf("%s#/brand?range=15m&brand=SuperCoffee&brand=Kettle+%%26+Co&at=%d", b.url, at))
	const same = `document.querySelector("[aria-checked=true]").dataset.range === "15m" && document.querySelector("#brand-title").innerText === "SuperCoffee, Kettle & Co" && document.querySelectorAll("#moment-counts tbody tr").length === 3 && document.querySelector("#voice").querySelectorAll("[aria-pressed=true]").length === 2`
	p.await("what the link says", same)
	p.click("#to-pipeline")
	p.await("the other view", `!document.querySelector("#pipeline").hidden && document.querySelector("#brand").hidden`)
	p.run(chromedp.Evaluate(`history.back()`, nil))
	p.await("what the link says, again", same)
	p.click("#all-brands")
	p.await("all brands", `document.querySelector("#brand-title").innerText === "All brands" && !location.hash.includes("brand=")`)
}

// What would break: the switch of the theme is forgotten.
func TestTheThemeStays(t *testing.T) {
	t.Parallel()
	b := serve(t, testenv.Influx(t, testenv.InfluxV1))
	p := browse(t)
	p.open(b.url)
	p.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}))
	const ground = `getComputedStyle(document.body).backgroundColor`
	light := eval[string](p, ground)
	p.click("#theme")
	p.click("#theme")
	dark := eval[string](p, ground)
	p.run(chromedp.Reload())
	p.await("the page is there again", `document.querySelector("#theme-text").innerText === "Dark"`)
	if again := eval[string](p, ground); again != dark || dark == light {
		t.Errorf("the ground is %s in light, %s in dark, and %s after a reload", light, dark, again)
	}
}
