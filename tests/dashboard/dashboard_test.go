package dashboard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// board is a dashboard that runs.
type board struct {
	*testenv.Program
	url string
}

var announced = regexp.MustCompile(`Dashboard +(http://\S+/)`)

// serve starts `brandpulse-connect dashboard` on a bucket.
func serve(t *testing.T, db *influxd.Database, args ...string) board {
	t.Helper()
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	b := board{Program: testenv.Start(t, testenv.Command{
		Args: append([]string{
			"dashboard", "--address", fmt.Sprintf("127.0.0.1:%d", ports[0]),
			"--influxdb-url", db.URL, "--influxdb-org", db.Org, "--influxdb-bucket", db.Bucket,
		}, args...),
		// The way that keeps it out of the list of processes.
		Env: map[string]string{"INFLUXDB_TOKEN": db.Token},
	})}
	b.awaitURL(t)
	return b
}

func (b *board) awaitURL(t *testing.T) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, "the dashboard says where it is", func() error {
		found := announced.FindStringSubmatch(b.Log(t))
		if found == nil {
			return fmt.Errorf("its log is %q", b.Log(t))
		}
		b.url = found[1]
		return nil
	})
}

// brands of the pipelines here, with their weights.
const brands = `
      - { name: SuperCoffee, weight: 5 }
      - { name: "Kettle & Co", weight: 3 }
      - { name: "Café \"Très\" <b>", weight: 1 }`

// generate runs tweets straight into a bucket, and gives the address of the
// pipeline's metrics.
func generate(t *testing.T, db *influxd.Database, emit, settings string) (p *testenv.Program, metrics string) {
	t.Helper()
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "generate.yaml")
	config := fmt.Sprintf(`
http: { address: "127.0.0.1:%d" }
input:
  tweet_generator:
    batch_size: 100
    progress: never
    %s
    brands:%s
pipeline:
  processors:
    - sentiment_window: { emit: %s }
output:
  influxdb: { url: %q, token: %q, org: %q, bucket: %q, flush_period: 500ms }
metrics:
  prometheus: { use_histogram_timing: true }
`, ports[0], strings.ReplaceAll(settings, "\n", "\n    "), brands, emit, db.URL, db.Token, db.Org, db.Bucket)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return testenv.Start(t, testenv.Command{Args: []string{"run", file}}), fmt.Sprintf("http://127.0.0.1:%d/metrics", ports[0])
}

// line is a tweet with its text, stored now.
func line(brand, sentiment, text string, at time.Time) string {
	tag := strings.NewReplacer(" ", `\ `, ",", `\,`, "=", `\=`).Replace
	return fmt.Sprintf("tweets,brand=%s,sentiment=%s count=1i,text=%q %d\n", tag(brand), sentiment, text, at.UnixNano())
}
