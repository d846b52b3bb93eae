package dashboard_test

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// sizes looks at a view at three sizes, in both themes: nothing may stick out of the
// screen, and all words must be legible.
func (p *page) sizes(name, hash, ready string, b board) {
	p.t.Helper()
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"360", 360, 740}, {"820", 820, 1180}, {"1440", 1440, 900}} {
		for _, theme := range []string{"light", "dark"} {
			name := fmt.Sprintf("%s-%s-%s", name, size.name, theme)
			p.run(
				emulation.SetDeviceMetricsOverride(size.width, size.height, 1, size.width < 600),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
			)
			p.open(b.url + hash)
			p.await(name, ready)
			if wide := eval[string](p, fmt.Sprintf(overflows, size.width)); wide != "" {
				p.t.Errorf("%s: wider than the screen: %s", name, wide)
			}
			if faint := eval[[]string](p, tooFaint); len(faint) > 0 {
				p.t.Errorf("%s: illegible: %s", name, strings.Join(faint, "; "))
			}
			p.shoot(name)
		}
	}
	p.run(emulation.ClearDeviceMetricsOverride(), chromedp.ActionFunc(emulation.SetEmulatedMedia().Do))
}
