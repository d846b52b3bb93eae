package observability

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// dashboard is the part of Grafana's format that these dashboards use. A key that is
// not here is probably a typing mistake, which Grafana would silently ignore.
type dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	SchemaVersion int      `json:"schemaVersion"`
	Version       int      `json:"version"`
	Editable      bool     `json:"editable"`
	GraphTooltip  int      `json:"graphTooltip"`
	Refresh       string   `json:"refresh"`
	Time          struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"time"`
	Timezone   string `json:"timezone"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []any `json:"list"`
	} `json:"annotations"`
	Links  []any   `json:"links"`
	Panels []panel `json:"panels"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type variable struct {
	Name        string         `json:"name"`
	Label       string         `json:"label"`
	Type        string         `json:"type"`
	Datasource  source         `json:"datasource"`
	Query       string         `json:"query"`
	Refresh     int            `json:"refresh"`
	IncludeAll  bool           `json:"includeAll"`
	Multi       bool           `json:"multi"`
	Sort        int            `json:"sort"`
	Hide        int            `json:"hide"`
	Current     map[string]any `json:"current"`
	Options     []any          `json:"options"`
	Regex       string         `json:"regex"`
	SkipURLSync bool           `json:"skipUrlSync"`
}

type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Datasource  source `json:"datasource"`
	Interval    string `json:"interval"`
	GridPos     struct {
		X, Y, W, H int
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit        string         `json:"unit"`
			DisplayName string         `json:"displayName"`
			Min         *float64       `json:"min"`
			Max         *float64       `json:"max"`
			Decimals    *int           `json:"decimals"`
			Thresholds  map[string]any `json:"thresholds"`
			Color       map[string]any `json:"color"`
			Custom      map[string]any `json:"custom"`
		} `json:"defaults"`
		Overrides []struct {
			Matcher struct {
				ID      string `json:"id"`
				Options string `json:"options"`
			} `json:"matcher"`
			Properties []struct {
				ID    string         `json:"id"`
				Value map[string]any `json:"value"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
	Options map[string]any `json:"options"`
	Targets []target       `json:"targets"`
}

type target struct {
	RefID        string `json:"refId"`
	Datasource   source `json:"datasource"`
	Query        string `json:"query"` // Flux
	Expr         string `json:"expr"`  // PromQL
	LegendFormat string `json:"legendFormat"`
	EditorMode   string `json:"editorMode"`
	Range        bool   `json:"range"`
	Instant      bool   `json:"instant"`
}

// dashboards returns the shipped dashboards, by file name.
func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(inRepository(t, "grafana", "dashboards", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		var d dashboard
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	if len(all) != 2 {
		t.Fatalf("%d dashboards are there", len(all))
	}
	return all
}

// Types of panels and units that Grafana has and these dashboards use: with any other
// name the panel stays empty, or the numbers have no unit.
var (
	panelTypes = []string{"stat", "timeseries", "piechart", "table"}
	units      = []string{"", "short", "s", "percentunit", "reqps", "Bps"}
)

func TestDashboardsAreSound(t *testing.T) {
	var sources struct {
		Datasources []struct{ UID, Type string }
	}
	readYAML(t, inRepository(t, "grafana", "provisioning", "datasources", "datasources.yaml"), &sources)
	uids := map[string]bool{}
	for name, d := range dashboards(t) {
		if d.UID == "" || uids[d.UID] || d.Title == "" || d.Description == "" || len(d.Panels) < 6 || d.SchemaVersion < 39 {
			t.Errorf("%s: %q %q, %d panels", name, d.UID, d.Title, len(d.Panels))
		}
		uids[d.UID] = true
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.ID == 0 || p.Title == "" || !slices.Contains(panelTypes, p.Type) || !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
				t.Errorf("%s: panel %d %q, %s in %q", name, p.ID, p.Title, p.Type, p.FieldConfig.Defaults.Unit)
			}
			ids[p.ID] = true
			if !slices.ContainsFunc(sources.Datasources, func(s struct{ UID, Type string }) bool {
				return s.UID == p.Datasource.UID && s.Type == p.Datasource.Type
			}) {
				t.Errorf("%s: %q queries %+v, which is not provisioned", name, p.Title, p.Datasource)
			}
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X+g.W > 24 {
				t.Errorf("%s: %q is at %+v", name, p.Title, g)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: %q overlaps %q", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			refs := map[string]bool{}
			for _, q := range p.Targets {
				if refs[q.RefID] || q.Datasource != p.Datasource || (q.Expr == "") == (q.Query == "") {
					t.Errorf("%s: %q has the query %+v", name, p.Title, q)
				}
				refs[q.RefID] = true
			}
			if len(refs) == 0 {
				t.Errorf("%s: %q has no query", name, p.Title)
			}
		}
	}
}

var (
	namesInQuery = regexp.MustCompile(`\b(?:influxdb|kafka|sentiment|tweet|redpanda|input|output|processor|brandpulse)[a-z_:]*[a-z]\b`)
	inQuotes     = regexp.MustCompile(`"[^"]*"`)
	inBy         = regexp.MustCompile(`\b(?:by|on|without) \([^)]*\)`)
)

// documented returns the metrics in docs/metrics.md with their types and labels.
func documented(t *testing.T) map[string]documentedMetric {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]documentedMetric{}
	own := true
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## Of Benthos") {
			own = false
		}
		cells := strings.Split(line, " | ")
		if name, ok := strings.CutPrefix(cells[0], "| `"); ok && len(cells) >= 6 {
			m := documentedMetric{kind: cells[1], own: own}
			for _, label := range regexp.MustCompile("`([a-z]+)`:").FindAllStringSubmatch(cells[3], -1) {
				m.labels = append(m.labels, label[1])
			}
			slices.Sort(m.labels)
			all[strings.TrimSuffix(name, "`")] = m
		}
	}
	if len(all) < 40 {
		t.Fatalf("docs/metrics.md has %d metrics", len(all))
	}
	return all
}

type documentedMetric struct {
	kind   string
	labels []string
	own    bool // of a component here, and not of Benthos
}

// If this fails, a wrong name of a metric makes a panel empty, or with `or vector(0)` a
// line at zero, or an alert that never fires.
func TestQueriesNameExistingMetrics(t *testing.T) {
	known := documented(t)
	known["brandpulse:lag_messages"] = documentedMetric{}
	var exprs []string
	for _, p := range dashboards(t)["pipeline.json"].Panels {
		for _, q := range p.Targets {
			exprs = append(exprs, q.Expr)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Expr string }
		}
	}
	readYAML(t, inRepository(t, "prometheus", "alerts.yaml"), &rules)
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			exprs = append(exprs, r.Expr)
		}
	}
	seen := map[string]bool{}
	for _, expr := range exprs {
		bare := inBy.ReplaceAllString(inQuotes.ReplaceAllString(expr, ""), "")
		for _, name := range namesInQuery.FindAllString(bare, -1) {
			base := name
			if m, ok := known[strings.TrimSuffix(name, "_bucket")]; ok && m.kind == "histogram" {
				base = strings.TrimSuffix(name, "_bucket")
			}
			if _, ok := known[base]; !ok {
				t.Errorf("%s is not a metric: %s", name, expr)
			}
			seen[base] = true
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d metrics are checked", len(seen))
	}
}
