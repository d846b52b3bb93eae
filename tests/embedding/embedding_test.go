package embedding

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

const page = "../../docs/embedding.md"

// What would break: somebody copies a program from the page, and it is another one
// than the one that is tested here.
func TestProgramsAreThoseOfThePage(t *testing.T) {
	text := read(t, page)
	for _, name := range []string{"one", "bundle"} {
		if program := read(t, filepath.Join(name, "main.go")); !strings.Contains(text, "```go\n"+program+"```") {
			t.Errorf("docs/embedding.md does not show %s/main.go as it is", name)
		}
	}
}

// What would break: the plugins do not build into somebody's program, or do nothing
// there.
func TestProgramsRun(t *testing.T) {
	for _, modfile := range []string{"go.mod", "older.mod"} {
		t.Run(modfile, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			command(t, nil, "go", "build", "-modfile="+modfile, "-o", dir+string(filepath.Separator), "./one", "./bundle")

			t.Run("one", func(t *testing.T) {
				influx, env := server(t)
				if out := command(t, env, filepath.Join(dir, "one")); !strings.Contains(out, "stored") {
					t.Errorf("it has printed %s", out)
				}
				mustHold(t, influx)
			})
			t.Run("bundle", func(t *testing.T) {
				influx, env := server(t)
				bundle := filepath.Join(dir, "bundle")
				for kind, names := range map[string][]string{
					"inputs": {"kafka_batches", "tweet_generator"}, "processors": {"sentiment_window"}, "outputs": {"influxdb"},
				} {
					listed := strings.Fields(command(t, env, bundle, "list", kind))
					for _, name := range names {
						if !strings.Contains(" "+strings.Join(listed, " ")+" ", " "+name+" ") {
							t.Errorf("list %s does not have %s: %v", kind, name, listed)
						}
					}
				}
				_, pipeline, _ := strings.Cut(read(t, page), "```yaml\n")
				pipeline, _, _ = strings.Cut(pipeline, "```")
				file := filepath.Join(t.TempDir(), "pipeline.yaml")
				if err := os.WriteFile(file, []byte(pipeline), 0o600); err != nil {
					t.Fatal(err)
				}
				command(t, env, bundle, "lint", file)
				command(t, env, bundle, "run", "--set", "http.enabled=false", file)
				mustHold(t, influx)
			})
		})
	}
}

// What would break: the older Benthos is no longer older, and nothing says which API
// the plugins need.
func TestOlderBenthosIsOlder(t *testing.T) {
	version := regexp.MustCompile(`github.com/redpanda-data/benthos/v4 v(\S+)`)
	replaced := regexp.MustCompile(`=> github.com/redpanda-data/benthos/v4 v(\S+)`)
	pinned := version.FindStringSubmatch(read(t, "go.mod"))
	older := replaced.FindStringSubmatch(read(t, "older.mod"))
	if pinned == nil || older == nil || pinned[1] <= older[1] || len(pinned[1]) != len(older[1]) {
		t.Errorf("Benthos is pinned at %v, and the older one is %v", pinned, older)
	}
	if text := read(t, page); older != nil && (!strings.Contains(text, "v"+older[1]) || !strings.Contains(text, "v"+pinned[1])) {
		t.Errorf("docs/embedding.md does not name v%s and v%s", pinned[1], older[1])
	}
}

// server is an InfluxDB with the bucket of the page, and the environment that names it.
func server(t *testing.T) (*influxfake.Server, []string) {
	t.Helper()
	influx := influxfake.New(influxfake.Options{Buckets: []string{"home"}})
	url, stop := influx.Listen()
	t.Cleanup(stop)
	return influx, append(os.Environ(), "INFLUXDB_URL="+url, "INFLUXDB_ORG=org", "INFLUXDB_TOKEN=t")
}

func mustHold(t *testing.T, influx *influxfake.Server) {
	t.Helper()
	const line = "temperature,room=kitchen celsius=21.5 1767323045000000000"
	if stored := influx.StoredIn("home"); len(stored) != 1 || stored[line] == 0 {
		t.Errorf("InfluxDB holds %v, want %s", stored, line)
	}
}

// command runs a program to its end, which must be a good one.
func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Env = env
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(bytes.TrimSpace(out))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
