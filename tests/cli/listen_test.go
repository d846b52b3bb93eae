package cli_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a pipeline whose port is taken silently runs without metrics.
func TestATakenPortEndsTheRun(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	address := listener.Addr().String()
	root := filepath.Join(t.TempDir(), "root.yaml")
	if err := os.WriteFile(root, []byte("http: { address: '"+address+"' }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(own, []byte("http: { address: '"+address+"' }\ninput: { generate: { mapping: root = 1 } }\noutput: { drop: {} }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	off := filepath.Join(t.TempDir(), "off.yaml")
	if err := os.WriteFile(off, []byte("http: { enabled: false, address: '"+address+"' }\ninput: { generate: { mapping: root = 1, count: 1 } }\noutput: { drop: {} }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		says string // "": the run succeeds
	}{
		"a variable":           {[]string{"run", "config/exact.yaml"}, map[string]string{"HTTP_ADDRESS": address}, "HTTP_ADDRESS=127.0.0.1:"},
		"a file":               {[]string{"run", own}, nil, "http.address in " + own + ", such as 127.0.0.1:"},
		"a flag":               {[]string{"run", "--set", "http.address=" + address, "config/generate.yaml"}, nil, "--set http.address=127.0.0.1:"},
		"a file before run":    {[]string{"-c", own, "run"}, nil, "http.address in " + own},
		"lint errors accepted": {[]string{"run", "--chilled", own}, nil, "http.address in " + own},
		"streams":              {[]string{"streams", "--no-api", "-o", root}, nil, "http.address in " + root},
		"no server":            {[]string{"run", off}, nil, ""},
		"another by a flag":    {[]string{"run", "--set", "http.address=127.0.0.1:0", "--set", "input.generate.count=1", own}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testenv.Start(t, testenv.Command{Args: c.args, Env: c.env})
			code, said := p.Wait(t, 30*time.Second), p.Log(t)
			if c.says == "" {
				if code != 0 {
					t.Errorf("exit code %d:\n%s", code, said)
				}
				return
			}
			want := "cannot listen on " + address + ": another program listens there"
			if code != 1 || !strings.Contains(said, want) || !strings.Contains(said, c.says) {
				t.Errorf("exit code %d, want 1 and %q, %q:\n%s", code, want, c.says, said)
			}
			if strings.Contains(said, "Launching") {
				t.Errorf("the pipeline has started:\n%s", said)
			}
		})
	}
}

// If this fails, the two commands of the README, one that writes to Kafka and one that
// reads from it, collide on one machine.
func TestPipelinesThatRunTogetherHaveDifferentPorts(t *testing.T) {
	t.Parallel()
	ports := map[string]string{}
	for _, file := range []string{"generate", "generate_fast", "spike", "exact", "ingest", "ingest_tweets", "mirror"} {
		text, err := os.ReadFile(filepath.Join(testenv.Root(t), "config", file+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(`\$\{HTTP_ADDRESS:127\.0\.0\.1:(\d+)\}`).FindSubmatch(text)
		if match == nil {
			t.Fatalf("%s.yaml has no HTTP_ADDRESS", file)
		}
		ports[file] = string(match[1])
	}
	for _, writes := range []string{"generate", "generate_fast", "spike", "mirror"} {
		for _, reads := range []string{"exact", "ingest", "ingest_tweets"} {
			if ports[writes] == ports[reads] {
				t.Errorf("%s.yaml and %s.yaml both listen on port %s", writes, reads, ports[reads])
			}
		}
	}
}

// If this fails, a load balancer's health check with HEAD removes a healthy pipeline.
func TestHealthAnswersHEAD(t *testing.T) {
	t.Parallel()
	ports, err := process.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	pipeline, page := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	testenv.Start(t, testenv.Command{Args: []string{"run", "--set", "http.address=" + pipeline, "--set", "input.generate.mapping=root = 1", "--set", "output.drop={}"}})
	testenv.Start(t, testenv.Command{Args: []string{"dashboard", "--address", page}})
	for _, url := range []string{pipeline + "/ready", pipeline + "/ping", pipeline + "/metrics", page + "/health", page + "/"} {
		testenv.Eventually(t, time.Minute, "HEAD "+url, func() error {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+url, nil)
			if err != nil {
				return err
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				return errors.New(response.Status)
			}
			return nil
		})
	}
}
