package demo

import (
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// The picture of a spike has panels below each other, with one axis of time.
const (
	pictureWidth = 900
	plotLeft     = 90
	plotRight    = pictureWidth - 20
	plotTop      = 130
	namesAt      = 78
	panelGap     = 46
)

const pictureStyle = `<style>
.bg{fill:#fff}text{fill:#1f2933;font-size:12px}.title{font-size:15px;font-weight:600}.panel{font-size:13px;font-weight:600}
.chapter{fill:#3e4c59;text-anchor:middle}.tick{fill:#3e4c59;text-anchor:end}.time{fill:#3e4c59;text-anchor:middle}
.grid{stroke:#e4e7eb;stroke-width:1}.bound{stroke:#9aa5b1;stroke-width:1;stroke-dasharray:3 4}
.edge{fill:none;stroke:#1f5fa8;stroke-width:2}.inside{fill:none;stroke:#c2571a;stroke-width:2}
.lag{fill:#f3d9c6;stroke:#c2571a;stroke-width:2}.memory{fill:none;stroke:#52606d;stroke-width:2}
</style>
`

// panel is a chart with its own vertical axis.
type panel struct {
	title  string
	height float64
	// in is what a tick of the axis is divided by, for its label.
	in     float64
	curves []curve
}

type curve struct {
	class string
	name  string // "" for none
	of    func(sample) float64
	area  bool
}

var panels = []panel{
	{"tweets per second", 170, 1, []curve{
		{"edge", "edge: into Kafka", func(n sample) float64 { return n.edge }, false},
		{"inside", "inside: into InfluxDB", func(n sample) float64 { return n.inside }, false},
	}},
	{"tweets that wait in Kafka", 120, 1, []curve{{"lag", "", func(n sample) float64 { return float64(n.lag) }, true}}},
	{"memory of the inside, MiB", 70, 1 << 20, []curve{{"memory", "", func(n sample) float64 { return float64(n.memory) }, false}}},
}

// writePicture writes an SVG of the samples.
func (s *spike) writePicture(path string) error {
	if err := os.WriteFile(path, []byte(s.picture()), 0o644); err != nil {
		return fmt.Errorf("writing the picture: %w. Choose another path with --picture", err)
	}
	s.view.say("picture   %s", path)
	return nil
}

func (s *spike) picture() string {
	var b strings.Builder
	samples := centred(s.samples)
	end := samples[len(samples)-1].at
	x := func(at time.Duration) float64 {
		return plotLeft + (plotRight-plotLeft)*at.Seconds()/end.Seconds()
	}
	var shown []panel
	for _, p := range panels {
		if p.most(samples) > 0 { // the memory is not known everywhere
			shown = append(shown, p)
		}
	}
	height := float64(plotTop)
	for _, p := range shown {
		height += p.height + panelGap
	}
	title := "A spike: the edge takes it, the inside bends and catches up"
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">
<title id="title">%s</title>
<desc id="desc">%s</desc>
%s<rect class="bg" width="%d" height="%.0f" rx="8"/>
<text class="title" x="%d" y="28">%s</text>
`, pictureWidth, height, title, html.EscapeString(s.described()), pictureStyle, pictureWidth, height, plotLeft, title)
	legend := float64(plotLeft)
	for _, c := range panels[0].curves {
		fmt.Fprintf(&b, `<path class="%s" d="M%.0f 46h24"/><text x="%.0f" y="50">%s</text>`+"\n", c.class, legend, legend+32, c.name)
		legend += 190
	}
	bottom := height - panelGap + 16
	for i, c := range s.chapters {
		to := end
		if i+1 < len(s.chapters) {
			to = s.chapters[i+1].at
			fmt.Fprintf(&b, `<path class="bound" d="M%.1f %dV%.0f"/>`+"\n", x(to), namesAt-14, bottom-16)
		}
		// In turn in two rows, since names can be wider than chapters.
		y := namesAt
		if i%2 == 1 {
			y += 16
		}
		fmt.Fprintf(&b, `<text class="chapter" x="%.1f" y="%d">%s</text>`+"\n", (x(c.at)+x(min(to, end)))/2, y, html.EscapeString(c.name))
	}
	top := float64(plotTop)
	for _, p := range shown {
		p.draw(&b, samples, top, x)
		top += p.height + panelGap
	}
	step := 10 * time.Second
	for end > 12*step {
		step *= 2
	}
	for at := time.Duration(0); at <= end; at += step {
		fmt.Fprintf(&b, `<text class="time" x="%.1f" y="%.0f">%d s</text>`+"\n", x(at), bottom+14, int(at.Seconds()))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// centred returns the samples with rates around their times: those of the table are of
// the seconds before, and a chart of them is late.
func centred(samples []sample) []sample {
	all := slices.Clone(samples)
	rate := func(i, around int, of func(sample) int64) float64 {
		from, to := samples[max(0, i-around)], samples[min(len(samples)-1, i+around)]
		if from.at == to.at {
			return 0
		}
		return float64(of(to)-of(from)) / (to.at - from.at).Seconds()
	}
	for i := range all {
		all[i].edge = rate(i, 1, func(n sample) int64 { return n.held })
		// InfluxDB is asked once a second, at times that the table does not know.
		all[i].inside = rate(i, 2, func(n sample) int64 { return n.stored })
	}
	return all
}

// described is the picture in words.
func (s *spike) described() string {
	low, high := s.memory(0, s.alone())
	return fmt.Sprintf("The edge writes up to %s tweets per second. The inside, limited to %s, falls behind by up to %s tweets and catches up. Its memory is between %d and %d MiB. With a second instance it stores up to %s tweets per second.",
		round(s.peak), round(insideLimit), round(float64(s.mostLag(0, s.alone()))), low>>20, high>>20, round(s.fastest(s.last(1).at, s.shape.Length())))
}

func round(n float64) string { return humanize.Comma(int64(math.Round(n/1000)) * 1000) }

// most returns the highest value of a panel.
func (p panel) most(samples []sample) (most float64) {
	for _, c := range p.curves {
		for _, n := range samples {
			most = max(most, c.of(n)/p.in)
		}
	}
	return most
}

func (p panel) draw(b *strings.Builder, samples []sample, top float64, x func(time.Duration) float64) {
	most := p.most(samples)
	step := tick(most)
	most = step * math.Ceil(most/step)
	y := func(v float64) float64 { return top + p.height*(1-v/most) }
	fmt.Fprintf(b, `<text class="panel" x="%d" y="%.1f">%s</text>`+"\n", plotLeft, top-12, p.title)
	for v := 0.0; v <= most+step/2; v += step {
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/><text class="tick" x="%d" y="%.1f">%s</text>`+"\n",
			plotLeft, y(v), plotRight, plotLeft-8, y(v)+4, humanize.Comma(int64(v)))
	}
	for _, c := range p.curves {
		var d strings.Builder
		for i, n := range samples {
			command := "L"
			if i == 0 {
				command = "M"
			}
			fmt.Fprintf(&d, "%s%.1f %.1f", command, x(n.at), y(c.of(n)/p.in))
		}
		if c.area {
			fmt.Fprintf(&d, "V%.1fH%dZ", y(0), plotLeft)
		}
		fmt.Fprintf(b, `<path class="%s" d="%s"/>`+"\n", c.class, d.String())
	}
}

// tick returns the distance of three to six ticks up to most: 1, 2 or 5 times a power of ten.
func tick(most float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(most/3)))
	for _, step := range []float64{1, 2, 5} {
		if most/(step*power) <= 6 {
			return step * power
		}
	}
	return 10 * power
}
