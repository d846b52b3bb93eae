package dashboard_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// TestPicture takes the picture of the docs, docs/dashboard.png: five brands, of which
// one has a spike.
func TestPicture(t *testing.T) {
	if shots == "" {
		return // nobody wants it
	}
	t.Parallel()
	server := testenv.OwnInflux(t, influxd.Options{Version: testenv.InfluxV1})
	feedOf(t, server.Database, pictured)
	b := serve(t, server.Database)
	p := browse(t)
	p.run(emulation.SetDeviceMetricsOverride(1440, 900, 1, false))
	p.open(b.url + "#/brand?range=15m")
	p.await("the page is filled", filled+` && document.querySelectorAll("#latest .tweet-text").length > 3 && document.querySelector("#live-text").innerText === "Live"`)
	p.shoot("dashboard")
}

// pictured is a second of five brands in line protocol: SuperCoffee has a spike four
// minutes before now, and turns negative ten minutes before.
func pictured(at, now int64) string {
	var lines strings.Builder
	age := float64(now - at)
	for i, brand := range []string{"SuperCoffee", "MegaTea", "HyperCola", "UltraJuice", "NanoWater"} {
		counts := [][3]float64{{170, 90, 100}, {115, 60, 60}, {90, 45, 55}, {45, 20, 25}, {20, 12, 14}}[i]
		if brand == "SuperCoffee" {
			if turn := 1 / (1 + math.Exp(-(age-520)/6)) / (1 + math.Exp((age-660)/6)); turn > 0 {
				counts[0] -= 140 * turn
				counts[2] += 270 * turn
			}
			rise := 1 + 3.6*math.Exp(-math.Pow((age-240)/11, 2))
			counts = [3]float64{counts[0] * rise, counts[1] * rise, counts[2] * rise}
		}
		for s, sentiment := range []string{"positive", "neutral", "negative"} {
			n := counts[s] * (1 + 0.06*math.Sin(float64(at)/(31+7*float64(i))) + 0.12*(noise(at, brand, sentiment)-0.5))
			fmt.Fprintf(&lines, "tweets,brand=%s,sentiment=%s count=%di %d\n", brand, sentiment, int64(n), at*1e9)
		}
	}
	for i, text := range [][3]string{
		{"SuperCoffee", "positive", "Best flat white in town, and they remembered my name."},
		{"MegaTea", "neutral", "They have opened another shop next to the station."},
		{"HyperCola", "negative", "Twenty minutes in the queue for a warm bottle."},
		{"UltraJuice", "positive", "The new mango one is worth every cent!"},
	} {
		lines.WriteString(strings.Replace(line(text[0], text[1], text[2], time.Unix(at, int64(i+1)*200e6)), "tweets,", "tweet_texts,", 1))
	}
	return lines.String()
}

// noise is a number from 0 to 1 that is always the same for the same.
func noise(at int64, words ...string) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, at, words)
	return float64(h.Sum64()>>11) / (1 << 53)
}
