package observability

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const fromDebian = "apt-get install prometheus"

// look returns the path of a program of Prometheus, or skips the test.
func look(t *testing.T, program, purpose string) string {
	t.Helper()
	path, err := process.Look(program, purpose, fromDebian)
	testenv.SkipIfMissing(t, err)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func inRepository(t *testing.T, parts ...string) string {
	t.Helper()
	return filepath.Join(append([]string{testenv.Root(t), "observability"}, parts...)...)
}

// If this fails, Prometheus does not start with the shipped files, or an alert does not
// fire when it is needed.
func TestPromtoolAcceptsTheFiles(t *testing.T) {
	promtool := look(t, "promtool", "checking the alert rules")
	dir := inRepository(t, "prometheus")
	for _, args := range [][]string{
		{"check", "config", "prometheus.yaml"},
		{"check", "rules", "alerts.yaml"},
		{"test", "rules", "alerts_test.yaml"},
	} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// alerts returns the alerts of alerts.yaml.
func alerts(t *testing.T) (names []string) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations map[string]string
				Labels      map[string]string
			}
		}
	}
	readYAML(t, inRepository(t, "prometheus", "alerts.yaml"), &rules)
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			if r.Alert == "" {
				continue
			}
			names = append(names, r.Alert)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s lacks its severity, a summary or what to do", r.Alert)
			}
		}
	}
	return names
}

// An alert that is not tested for both may fire always, or never.
func TestEveryAlertIsTestedBothWays(t *testing.T) {
	var tests struct {
		Tests []struct {
			Alerts []struct {
				Name string `yaml:"alertname"`
				Exp  []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
			Series []struct {
				Series string `yaml:"series"`
			} `yaml:"input_series"`
		} `yaml:"tests"`
	}
	readYAML(t, inRepository(t, "prometheus", "alerts_test.yaml"), &tests)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, a := range test.Alerts {
			fires[a.Name] = fires[a.Name] || len(a.Exp) > 0
			// Not at all, or not for each of the series.
			quiet[a.Name] = quiet[a.Name] || len(a.Exp) == 0 || len(a.Exp) < len(test.Series)
		}
	}
	names := alerts(t)
	if len(names) < 6 {
		t.Errorf("only the alerts %q exist", names)
	}
	for _, name := range names {
		if !fires[name] || !quiet[name] {
			t.Errorf("%s: tested that it fires: %t, that it does not: %t", name, fires[name], quiet[name])
		}
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// prometheus is a real one with the shipped configuration, except for the targets and
// intervals.
type prometheus struct{ url string }

func startPrometheus(t *testing.T, targets map[string][]string) *prometheus {
	t.Helper()
	path := look(t, "prometheus", "running the queries of the dashboards")
	var config map[string]any
	readYAML(t, inRepository(t, "prometheus", "prometheus.yaml"), &config)
	config["global"] = map[string]any{"scrape_interval": "1s", "evaluation_interval": "1s"}
	for _, s := range config["scrape_configs"].([]any) {
		scrape := s.(map[string]any)
		scrape["static_configs"] = []any{map[string]any{"targets": targets[scrape["job_name"].(string)]}}
	}
	dir := t.TempDir()
	text, err := yaml.Marshal(config)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "prometheus.yaml"), text, 0o600)
	}
	rules, err2 := os.ReadFile(inRepository(t, "prometheus", "alerts.yaml"))
	if err2 == nil {
		err2 = os.WriteFile(filepath.Join(dir, "alerts.yaml"), rules, 0o600)
	}
	ports, err3 := process.FreePorts(1)
	if err != nil || err2 != nil || err3 != nil {
		t.Fatal(err, err2, err3)
	}
	address := "127.0.0.1:" + strconv.Itoa(ports[0])
	child, err := process.Start(process.Command{
		Path: path,
		Args: []string{
			"--config.file=" + filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.listen-address=" + address, "--log.level=warn",
		},
		Env: process.Environment(dir),
		Log: filepath.Join(dir, "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the log of Prometheus:\n%s", child.Tail(20))
		}
		if err := child.Stop(20 * time.Second); err != nil {
			t.Error(err)
		}
	})
	p := &prometheus{url: "http://" + address}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := child.Await(ctx, func(ctx context.Context) error { return p.get(ctx, "/api/v1/status/runtimeinfo", nil, nil) }); err != nil {
		t.Fatal(err)
	}
	return p
}

// get sends a request to the API and returns its data.
func (p *prometheus) get(ctx context.Context, path string, parameters url.Values, data any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path+"?"+parameters.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		return fmt.Errorf("%s: %s %s", path, response.Status, body)
	}
	return nil
}

// series is one series of the result of a range query.
type series struct {
	Metric map[string]string
	Values [][2]any
}

// last returns the newest value.
func (s series) last() float64 {
	if len(s.Values) == 0 {
		return 0
	}
	v, _ := strconv.ParseFloat(s.Values[len(s.Values)-1][1].(string), 64)
	return v
}

// query runs a query over the last minute, or for this moment.
func (p *prometheus) query(ctx context.Context, expr string) ([]series, error) {
	now := time.Now()
	var data struct{ Result []series }
	err := p.get(ctx, "/api/v1/query_range", url.Values{
		"query": {expr}, "step": {"1"},
		"start": {fmt.Sprint(now.Add(-time.Minute).Unix())}, "end": {fmt.Sprint(now.Unix())},
	}, &data)
	return data.Result, err
}

// firing returns the firing alerts, by name.
func (p *prometheus) firing(ctx context.Context) (map[string]bool, error) {
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	err := p.get(ctx, "/api/v1/alerts", nil, &data)
	names := map[string]bool{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			names[a.Labels["alertname"]] = true
		}
	}
	return names, err
}
