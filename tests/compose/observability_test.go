package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

// inContainer gives the file of this checkout that a service sees under a path.
func inContainer(t *testing.T, s types.ServiceConfig, name string) string {
	t.Helper()
	for _, m := range s.Volumes {
		if below, ok := strings.CutPrefix(name, m.Target+"/"); ok && m.Type == types.VolumeTypeBind {
			if !m.ReadOnly {
				t.Errorf("%s can write to %s", s.Name, m.Source)
			}
			return filepath.Join(m.Source, filepath.FromSlash(below))
		}
	}
	t.Fatalf("%s mounts nothing of this checkout at %s", s.Name, name)
	return ""
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	decoder := yaml.NewDecoder(text)
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// A target that no service listens on is a dashboard without a line and an alert
// that never ends; a pipeline that is not a target is not watched.
func TestPrometheusAsksThePipelines(t *testing.T) {
	services := load(t).Services
	prometheus := services["prometheus"]
	const flag = "--config.file="
	i := slices.IndexFunc(prometheus.Command, func(arg string) bool { return strings.HasPrefix(arg, flag) })
	if i < 0 {
		t.Fatalf("the command names no configuration: %q", prometheus.Command)
	}
	config := strings.TrimPrefix(prometheus.Command[i], flag)
	var asked struct {
		Global  map[string]any `yaml:"global"`
		Rules   []string       `yaml:"rule_files"`
		Scrapes []struct {
			Job     string `yaml:"job_name"`
			Statics []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, inContainer(t, prometheus, config), &asked)
	for _, rules := range asked.Rules {
		if _, err := os.Stat(inContainer(t, prometheus, path.Join(path.Dir(config), rules))); err != nil {
			t.Error(err)
		}
	}
	jobs := map[string]bool{}
	for _, scrape := range asked.Scrapes {
		jobs[scrape.Job] = true
		for _, static := range scrape.Statics {
			for _, target := range static.Targets {
				service, port, _ := strings.Cut(target, ":")
				if want := "0.0.0.0:" + port; service != scrape.Job || value(services[service], "HTTP_ADDRESS") != want {
					t.Errorf("job %s asks %s, which listens on %q, not %s", scrape.Job, target, value(services[service], "HTTP_ADDRESS"), want)
				}
			}
		}
	}
	for name, s := range services {
		if s.Build != nil && !jobs[name] {
			t.Errorf("Prometheus does not ask %s", name)
		}
	}
	if len(asked.Rules) == 0 {
		t.Error("there are no rules")
	}
}

// datasource is what provisioning says of one; a key that Grafana does not know
// would do nothing.
type datasource struct {
	Name     string            `yaml:"name"`
	UID      string            `yaml:"uid"`
	Type     string            `yaml:"type"`
	Access   string            `yaml:"access"`
	URL      string            `yaml:"url"`
	Default  bool              `yaml:"isDefault"`
	JSONData map[string]string `yaml:"jsonData"`
	Secure   map[string]string `yaml:"secureJsonData"`
}

var fromEnvironment = regexp.MustCompile(`\$\{?([A-Z_]+)\}?`)

// Grafana starts all the same without a data source: every panel is then empty.
func TestGrafanaFindsItsDataSources(t *testing.T) {
	services := load(t).Services
	grafana := services["grafana"]
	var provisioned struct {
		APIVersion  int          `yaml:"apiVersion"`
		Datasources []datasource `yaml:"datasources"`
	}
	readYAML(t, inContainer(t, grafana, "/etc/grafana/provisioning/datasources/datasources.yaml"), &provisioned)
	ports := map[string]string{"influxdb": "8086", "prometheus": "9090"}
	for _, d := range provisioned.Datasources {
		filled := func(text string) string {
			return fromEnvironment.ReplaceAllStringFunc(text, func(variable string) string {
				v := value(grafana, fromEnvironment.FindStringSubmatch(variable)[1])
				if v == "" {
					t.Errorf("%s wants %s, which compose.yaml does not set", d.Name, variable)
				}
				return v
			})
		}
		if want := "http://" + d.Type + ":" + ports[d.Type]; filled(d.URL) != want || services[d.Type].Image == "" || d.Access != "proxy" {
			t.Errorf("%s is at %s, by %s: want %s", d.Name, filled(d.URL), d.Access, want)
		}
		for key, v := range d.JSONData {
			if filled(v) == "" {
				t.Errorf("%s: %s is empty", d.Name, key)
			}
		}
		if d.Type == "influxdb" {
			influxdb := services["influxdb"]
			for key, variable := range map[string]string{"organization": "DOCKER_INFLUXDB_INIT_ORG", "defaultBucket": "DOCKER_INFLUXDB_INIT_BUCKET"} {
				if got, want := filled(d.JSONData[key]), value(influxdb, variable); got != want {
					t.Errorf("%s of InfluxDB is %q, and Grafana's %q", key, want, got)
				}
			}
			checkReadToken(t, services, d.Secure["token"])
		}
	}
	if provisioned.APIVersion != 1 || len(provisioned.Datasources) != 2 {
		t.Errorf("%+v", provisioned)
	}
}

// checkReadToken follows the token from who makes it to Grafana.
func checkReadToken(t *testing.T, services types.Services, token string) {
	t.Helper()
	maker, grafana := services["grafana-token"], services["grafana"]
	file := strings.TrimSuffix(strings.TrimPrefix(token, "$__file{"), "}")
	if "$__file{"+file+"}" != token || file != value(maker, "TOKEN_FILE") {
		t.Errorf("Grafana's token is %s, and what is made lies in %s", token, value(maker, "TOKEN_FILE"))
	}
	volume := func(s types.ServiceConfig) (v types.ServiceVolumeConfig) {
		for _, m := range s.Volumes {
			if m.Type == types.VolumeTypeVolume && path.Dir(file) == m.Target {
				v = m
			}
		}
		return v
	}
	if made, read := volume(maker), volume(grafana); made.Source == "" || made.Source != read.Source || made.ReadOnly || !read.ReadOnly {
		t.Errorf("it is made in the volume %+v, and read in %+v", made, read)
	}
	if on := grafana.DependsOn["grafana-token"]; on.Condition != types.ServiceConditionCompletedSuccessfully {
		t.Errorf("Grafana starts when its token is %q", on.Condition)
	}
	influxdb := services["influxdb"]
	for ours, theirs := range map[string]string{
		"INFLUX_TOKEN": "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", "INFLUX_ORG": "DOCKER_INFLUXDB_INIT_ORG", "BUCKET": "DOCKER_INFLUXDB_INIT_BUCKET",
	} {
		if got, want := value(maker, ours), value(influxdb, theirs); got != want {
			t.Errorf("%s is %q, and InfluxDB's %q", ours, got, want)
		}
	}
	if maker.Image != influxdb.Image || len(maker.Entrypoint) != 2 {
		t.Fatalf("the image is %s, and the command %q", maker.Image, maker.Entrypoint)
	}
	if _, err := os.Stat(inContainer(t, maker, maker.Entrypoint[1])); err != nil {
		t.Error(err)
	}
}

// A dashboard outside of the folder that Grafana reads is not there, and one of
// another data source is empty.
func TestGrafanaFindsItsDashboards(t *testing.T) {
	grafana := load(t).Services["grafana"]
	var provisioned struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name    string            `yaml:"name"`
			Folder  string            `yaml:"folder"`
			Type    string            `yaml:"type"`
			Changes bool              `yaml:"allowUiUpdates"`
			Options map[string]string `yaml:"options"`
		} `yaml:"providers"`
	}
	readYAML(t, inContainer(t, grafana, "/etc/grafana/provisioning/dashboards/dashboards.yaml"), &provisioned)
	if len(provisioned.Providers) != 1 || provisioned.Providers[0].Type != "file" {
		t.Fatalf("%+v", provisioned)
	}
	folder := provisioned.Providers[0].Options["path"]
	files, err := filepath.Glob(inContainer(t, grafana, folder+"/*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d dashboards at %s: %v", len(files), folder, err)
	}
	home := value(grafana, "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH")
	if _, err := os.Stat(inContainer(t, grafana, home)); err != nil {
		t.Errorf("the first page: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var any map[string]any
		if err := json.Unmarshal(text, &any); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The panel of the latest tweets stays empty if it reads another measurement than the
// one that the service texts writes.
func TestThePanelOfTextsReadsWhatTextsStores(t *testing.T) {
	services := load(t).Services
	measurement := value(services["texts"], "TEXTS_MEASUREMENT")
	if measurement == "" {
		text, err := os.ReadFile(filepath.Join(root, "config", "texts.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "TEXTS_MEASUREMENT" {
				measurement = m[2]
			}
		}
	}
	if measurement == "" {
		t.Fatal("config/texts.yaml has no TEXTS_MEASUREMENT")
	}
	if texts, grafana := value(services["texts"], "INFLUXDB_BUCKET"), value(services["grafana"], "INFLUXDB_BUCKET"); texts != grafana {
		t.Errorf("texts writes to the bucket %s, and Grafana reads %s", texts, grafana)
	}
	text, err := os.ReadFile(inContainer(t, services["grafana"], "/etc/grafana/dashboards/brand.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Query string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	reads := fmt.Sprintf(`r._measurement == %q`, measurement)
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			if strings.Contains(q.Query, reads) && strings.Contains(q.Query, `r._field == "text"`) {
				return
			}
		}
	}
	t.Errorf("no panel has a query with %s and the field text", reads)
}
