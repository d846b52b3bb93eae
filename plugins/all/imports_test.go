package all_test

import (
	"os/exec"
	"strings"
	"testing"
)

const project = "github.com/brandpulse/brandpulse-connect/"

func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %q: %v", args, err)
	}
	return strings.Fields(string(out))
}

// Whoever imports one plugin gets neither the others nor Redpanda Connect with
// its second licence, and whoever writes to InfluxDB gets no Kafka client.
func TestAPluginBringsOnlyWhatItNeeds(t *testing.T) {
	plugins := list(t, project+"plugins/...")
	if len(plugins) < 4 {
		t.Fatalf("there are %d packages, the bundle among them, want 4 at least: %q", len(plugins), plugins)
	}
	for _, plugin := range plugins {
		if plugin == project+"plugins/all" {
			continue
		}
		t.Run(strings.TrimPrefix(plugin, project), func(t *testing.T) {
			for _, dep := range list(t, "-deps", plugin) {
				switch {
				case strings.HasPrefix(dep, "github.com/redpanda-data/connect/"):
					t.Errorf("brings %s", dep)
				case strings.HasPrefix(dep, project+"plugins/") && dep != plugin:
					t.Errorf("brings %s: what plugins share lies in internal/", dep)
				case strings.HasPrefix(dep, "github.com/twmb/franz-go") && strings.HasSuffix(plugin, "/influxdb"):
					t.Errorf("brings %s", dep)
				}
			}
		})
	}
}

// A plugin that the bundle forgets is missing from every build that uses it.
func TestTheBundleHasEveryPlugin(t *testing.T) {
	imported := map[string]bool{}
	for _, path := range list(t, "-f", `{{ join .Imports "\n" }}`, project+"plugins/all") {
		imported[path] = true
	}
	for _, plugin := range list(t, project+"plugins/...") {
		if plugin != project+"plugins/all" && !imported[plugin] {
			t.Errorf("plugins/all does not import %s", plugin)
		}
	}
}
