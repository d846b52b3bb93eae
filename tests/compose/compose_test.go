// Package compose checks compose.yaml and the Dockerfile without an engine:
// against the schema of compose files, and against the pipelines that they
// start. What only a running engine can show is not tested.
package compose

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

var root = filepath.Join("..", "..")

// load reads compose.yaml as docker compose does, with nothing in the
// environment: interpolated, merged, and valid under the schema.
func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "compose.yaml")},
		cli.WithName("brandpulse"), cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestServicesAreThere(t *testing.T) {
	got := load(t).ServiceNames()
	slices.Sort(got)
	want := []string{"generator", "grafana", "grafana-token", "influxdb", "ingest", "kafka", "prometheus", "texts", "topics"}
	if !slices.Equal(got, want) {
		t.Errorf("services are %q, want %q", got, want)
	}
}

// A port without an address is open to the network, with a known token.
func TestPortsAreOpenOnThisMachineOnly(t *testing.T) {
	ports := 0
	for name, s := range load(t).Services {
		for _, p := range s.Ports {
			ports++
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %s on %q", name, p.Published, p.HostIP)
			}
		}
		if s.NetworkMode != "" {
			t.Errorf("%s has network mode %s, which publishes by itself", name, s.NetworkMode)
		}
	}
	if ports == 0 {
		t.Error("nothing is published: this test looked at nothing")
	}
}

// pinned is a version, and beside it the digest that make pin writes.
var pinned = regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+\.\d+[a-z0-9.-]*(@sha256:[0-9a-f]{64})?$`)

// versionOf an image, without its digest.
func versionOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, version, _ := strings.Cut(image, ":")
	return version
}

func TestImagesArePinned(t *testing.T) {
	for name, s := range load(t).Services {
		if s.Build == nil && !pinned.MatchString(s.Image) {
			t.Errorf("%s runs %s, whose version may change under it", name, s.Image)
		}
	}
	for _, image := range dockerfile(t, "FROM") {
		image, _, _ = strings.Cut(image, " ")
		if image != "scratch" && !pinned.MatchString(image) {
			t.Errorf("the Dockerfile starts from %s, whose version may change under it", image)
		}
	}
}

// Without a health check, `depends_on: service_healthy` waits for ever, and a
// hanging service is never noticed. Without a limit one service starves the
// others.
func TestEveryServiceIsWatchedAndLimited(t *testing.T) {
	services := load(t).Services
	ends := map[string]bool{}
	for _, s := range services {
		for on, how := range s.DependsOn {
			switch how.Condition {
			case types.ServiceConditionCompletedSuccessfully:
				ends[on] = true
			case types.ServiceConditionHealthy:
			default:
				t.Errorf("%s starts with %s, before that is ready", s.Name, on)
			}
		}
	}
	for name, s := range services {
		if !ends[name] && (s.HealthCheck == nil || len(s.HealthCheck.Test) == 0) {
			t.Errorf("%s has no health check", name)
		}
		if s.MemLimit == 0 {
			t.Errorf("%s has no memory limit", name)
		}
	}
}

// A default secret is for a stack that only this machine reaches; one from the
// environment must replace it wherever it stands, or ingest is locked out.
func TestSecretsComeFromTheEnvironment(t *testing.T) {
	const token, password, grafana = "a-token-of-mine", "a-password-of-mine", "another-password"
	services := load(t, "INFLUXDB_TOKEN="+token, "INFLUXDB_PASSWORD="+password, "GRAFANA_PASSWORD="+grafana).Services
	for _, at := range []struct{ service, name, want string }{
		{"influxdb", "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN", token},
		{"influxdb", "DOCKER_INFLUXDB_INIT_PASSWORD", password},
		{"ingest", "INFLUXDB_TOKEN", token},
		{"texts", "INFLUXDB_TOKEN", token},
		{"grafana-token", "INFLUX_TOKEN", token},
		{"grafana", "GF_SECURITY_ADMIN_PASSWORD", grafana},
	} {
		if got := value(services[at.service], at.name); got != at.want {
			t.Errorf("%s of %s is %q, want %q", at.name, at.service, got, at.want)
		}
	}
	// Grafana must not have the token that may write.
	for variable, v := range services["grafana"].Environment {
		if v != nil && strings.Contains(*v, token) {
			t.Errorf("%s of grafana is %q", variable, *v)
		}
	}
	for name, s := range load(t).Services {
		for variable, v := range s.Environment {
			secret := strings.Contains(variable, "TOKEN") || strings.Contains(variable, "PASSWORD")
			if secret && (v == nil || *v == "") {
				t.Errorf("%s of %s is empty when the environment has none", variable, name)
			}
		}
	}
}

func value(s types.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return ""
}

var variable = regexp.MustCompile(`\$\{([A-Z0-9_]+)(?::([^}]*))?\}`)

var namedVariable = regexp.MustCompile(`(?m)^\s*\w+_env: (\w+)$`)

// A variable that the pipeline does not read is a setting that does nothing;
// one that it reads and that is not set points at localhost, where no service
// is.
func TestPipelinesAndTheirVariablesExist(t *testing.T) {
	services := load(t).Services
	for name, file := range map[string]string{"generator": "generate.yaml", "ingest": "exact.yaml", "texts": "texts.yaml"} {
		t.Run(name, func(t *testing.T) {
			s := services[name]
			if want := []string{"run", "/config/" + file}; !slices.Equal(s.Command, want) {
				t.Fatalf("the command is %q, want %q", s.Command, want)
			}
			text, err := os.ReadFile(filepath.Join(root, "config", file))
			if err != nil {
				t.Fatal(err)
			}
			defaults := map[string]string{}
			for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
				defaults[m[1]] = m[2]
			}
			// A secret is named instead: it does not become a part of the file.
			for _, m := range namedVariable.FindAllStringSubmatch(string(text), -1) {
				defaults[m[1]] = ""
			}
			for v := range s.Environment {
				if _, read := defaults[v]; !read && v != "GOMEMLIMIT" {
					t.Errorf("sets %s, which %s does not read: it reads %q", v, file, slices.Sorted(maps.Keys(defaults)))
				}
			}
			for v, otherwise := range defaults {
				_, set := s.Environment[v]
				local := strings.Contains(otherwise, "localhost") || strings.Contains(otherwise, "127.0.0.1")
				if listens := strings.Contains(v, "HTTP_ADDRESS"); !set && local && !listens {
					t.Errorf("does not set %s, which is then %s", v, otherwise)
				}
			}
			mounted := slices.ContainsFunc(s.Volumes, func(m types.ServiceVolumeConfig) bool {
				source, err := filepath.Abs(filepath.Join(root, "config"))
				return err == nil && m.Source == source && m.Target == "/config" && m.ReadOnly
			})
			if !mounted {
				t.Errorf("does not mount config/ at /config, read-only: %v", s.Volumes)
			}
		})
	}
}

// The servers of the stack are those that the tests of this project run.
func TestServersAreTheVersionsUnderTest(t *testing.T) {
	services := load(t).Services
	for name, files := range map[string]string{
		"kafka":    "internal/kafkad",
		"topics":   "internal/kafkad",
		"influxdb": "internal/influxd",
	} {
		version := versionOf(services[name].Image)
		if !mentioned(t, filepath.Join(root, files), version) {
			t.Errorf("%s runs %s; %s knows no version %s", name, services[name].Image, files, version)
		}
	}
}

func mentioned(t *testing.T, dir, version string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(text), version) {
			return true
		}
	}
	return false
}
