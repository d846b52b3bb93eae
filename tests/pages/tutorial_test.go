package pages_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const tutorial = "docs/tutorial.md"

// elsewhere are the commands that get the program and start the servers: this test has
// its own.
var elsewhere = []string{
	"go install github.com/brandpulse/brandpulse-connect/cmd/brandpulse-connect@latest\n",
	"brandpulse-connect demo --count 100000 --keep\n",
}

// inTheirOwnTerminal are the commands that run until Ctrl-C.
var inTheirOwnTerminal = []string{"brandpulse-connect run count.yaml\n", "brandpulse-connect run dead.yaml\n", "brandpulse-connect dashboard "}

var fileName = regexp.MustCompile("as `([a-z]+\\.yaml)`")

// If this fails, a command of the tutorial fails, or prints something else than the
// page says.
func TestTutorial(t *testing.T) {
	t.Parallel() // it waits for servers most of the time
	user := newUser(t, testenv.FakeKafka(t).Brokers...)
	all := blocks(t, tutorial)
	var skipped, kept []string
	for i, b := range all {
		switch b.language {
		case "yaml":
			names := fileName.FindAllStringSubmatch(b.before, -1)
			if len(names) != 1 {
				t.Fatalf("the page does not name one file for the block %.60q", b.text)
			}
			user.save(t, names[0][1], b.text)
		case "sh":
			if slices.Contains(elsewhere, b.text) {
				skipped = append(skipped, b.text)
				continue
			}
			printed := ""
			if i+1 < len(all) && all[i+1].language == "text" {
				printed = all[i+1].text
			}
			if slices.ContainsFunc(inTheirOwnTerminal, func(begin string) bool { return strings.HasPrefix(b.text, begin) }) {
				kept = append(kept, b.text)
				user.keep(t, b.text, printed)
			} else {
				user.run(t, b.text, printed)
			}
		}
	}
	if !slices.Equal(skipped, elsewhere) || len(kept) != len(inTheirOwnTerminal) {
		t.Errorf("skipped: %q, in their own terminals: %q", skipped, kept)
	}

	// The numbers on the page, and the dashboard.
	testenv.Eventually(t, 10*time.Second, "the metrics have the filtered posts", func() error {
		return user.serves("http://"+user.pipeline+"/metrics", regexp.MustCompile(`(?m)^sentiment_window_filtered{.*} 150$`))
	})
	testenv.Eventually(t, 10*time.Second, "the dashboard is served", func() error {
		return user.serves("http://"+user.dashboard+"/", regexp.MustCompile(`<html`))
	})
	testenv.Eventually(t, 20*time.Second, "the view of the dead letters has those of the page's topic", func() error {
		return user.serves("http://"+user.dashboard+"/api/dead-letters?n=50", regexp.MustCompile(`"topic":"posts_dead".*mood is MEH.*"total":30\b`))
	})
	testenv.Eventually(t, 20*time.Second, "the pipeline view measures the lag and counts the dead letters", func() error {
		return user.streams("http://"+user.dashboard+"/api/pipeline/events", regexp.MustCompile(`"lag":0\b.*"totals":.*"dead_letters":30\b`))
	})
	if n := strings.Count(user.printed("brandpulse-connect run dead.yaml\n"), "mood is MEH"); n != 30 {
		t.Errorf("%d dead letters, want 30", n)
	}
}

// user is a user with an empty folder, a Kafka and an InfluxDB.
type user struct {
	dir                 string
	env                 []string
	pipeline, dashboard string // their addresses
	addresses           *strings.Replacer

	running []*exec.Cmd // in terminals of their own

	mu       sync.Mutex
	terminal map[string]*bytes.Buffer // by command
}

func newUser(t *testing.T, brokers ...string) *user {
	t.Helper()
	binary := testenv.Binary(t)
	ports, err := process.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	influx := testenv.OwnInflux(t, influxd.Options{Version: testenv.InfluxV1})
	u := &user{dir: t.TempDir(), terminal: map[string]*bytes.Buffer{}}
	u.pipeline, u.dashboard = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	// The usual ports may be taken on a machine that runs tests.
	u.addresses = strings.NewReplacer("127.0.0.1:4195", u.pipeline, "connect dashboard", "connect dashboard --address "+u.dashboard)
	u.env = append(process.Environment(u.dir),
		"PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"),
		"KAFKA_BROKERS="+strings.Join(brokers, ","), "INFLUXDB_URL="+influx.URL)
	return u
}

func (u *user) save(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(u.dir, name), []byte(u.addresses.Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (u *user) command(t *testing.T, text string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-ec", "exec env "+strings.TrimSpace(u.addresses.Replace(text)))
	if strings.Count(text, "brandpulse-connect") > 1 { // several commands
		c = exec.CommandContext(t.Context(), "sh", "-ec", u.addresses.Replace(text))
	}
	c.Dir, c.Env = u.dir, u.env
	return c
}

// run runs a command to its end. If the page shows its output, it may need several
// attempts, as a user would, while data is still being stored.
func (u *user) run(t *testing.T, text, printed string) {
	t.Helper()
	if printed == "" {
		if out, err := u.command(t, text).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", text, err, out)
		}
		return
	}
	testenv.Eventually(t, 30*time.Second, text, func() error {
		out, err := u.command(t, text).CombinedOutput()
		if err == nil && !strings.Contains(string(out), strings.TrimSpace(printed)) {
			err = errors.New("other text than on the page")
		}
		if err != nil {
			return fmt.Errorf("%w:\n%s", err, out)
		}
		return nil
	})
}

// keep runs a command until the end of the test, and waits for its output.
func (u *user) keep(t *testing.T, text, printed string) {
	t.Helper()
	c := u.command(t, text)
	c.Stdout, c.Stderr = u.open(text), u.open(text)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	u.running = append(u.running, c)
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s%s", text, u.printed(text))
		}
	})
	if printed != "" {
		testenv.Eventually(t, 30*time.Second, text, func() error {
			if out := u.printed(text); !strings.Contains(out, strings.TrimSpace(printed)) {
				return fmt.Errorf("it has printed\n%s", out)
			}
			return nil
		})
	}
}

// terminal records the output of a command.
type terminal struct {
	u    *user
	text string
}

func (u *user) open(text string) io.Writer { return terminal{u, text} }

func (w terminal) Write(p []byte) (int, error) {
	w.u.mu.Lock()
	defer w.u.mu.Unlock()
	if w.u.terminal[w.text] == nil {
		w.u.terminal[w.text] = &bytes.Buffer{}
	}
	return w.u.terminal[w.text].Write(p)
}

func (u *user) printed(text string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.terminal[text] == nil {
		return ""
	}
	return u.terminal[text].String()
}

// serves reports whether an address responds with a text.
func (u *user) serves(address string, want *regexp.Regexp) error {
	response, err := http.Get(address) //nolint:noctx // of a server of this test
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && !want.Match(body) {
		err = fmt.Errorf("%s responds %s without %s", address, response.Status, want)
	}
	return err
}

// streams reports whether the first event of a stream has a text.
func (u *user) streams(address string, want *regexp.Regexp) error {
	response, err := http.Get(address) //nolint:noctx // of a server of this test
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, found := bytes.CutPrefix(lines.Bytes(), []byte("data:")); found {
			if !want.Match(data) {
				return fmt.Errorf("%s begins with %s without %s", address, data, want)
			}
			return nil
		}
	}
	return fmt.Errorf("%s ends without an event: %w", address, lines.Err())
}
