package demo_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var exported = regexp.MustCompile(`(?m)^  export (\w+)=(\S+)$`)

// If this fails, the printed commands are wrong, or parts that are said to run do not.
func TestKeptDemoCanBeUsedByItsPrintedCommands(t *testing.T) {
	t.Parallel()
	p := start(t, "--keep", "--count", "20000", "--rate", "0", "--dashboard=false")
	testenv.Eventually(t, patience, "the lines to paste", func() error {
		if !strings.Contains(p.Log(t), "topic create mine") {
			return io.ErrNoProgress
		}
		return nil
	})
	log := p.Log(t)
	if !strings.Contains(log, "Running until Ctrl-C: Kafka, InfluxDB and the ingest.") {
		t.Errorf("the running parts are not listed:\n%s", log)
	}
	if !strings.Contains(log, "Ctrl-C ends everything and deletes all topics and buckets") {
		t.Errorf("no warning about the data in\n%s", log)
	}
	variables := map[string]string{}
	for _, line := range exported.FindAllStringSubmatch(log, -1) {
		variables[line[1]] = line[2]
	}
	group := regexp.MustCompile(`audit[\s\\]+--group (\S+)`).FindStringSubmatch(log)
	if len(variables) != 5 || group == nil {
		t.Fatalf("%q are exported, and the group is %q, in\n%s", variables, group, log)
	}
	run := func(args ...string) (code int, printed string) {
		t.Helper()
		c := testenv.Start(t, testenv.Command{Args: args, Env: variables})
		return c.Wait(t, time.Minute), c.Log(t)
	}
	if code, printed := run("audit", "--group", group[1]); code != 0 || !strings.Contains(printed, "20,000") {
		t.Errorf("the audit ends with %d:\n%s", code, printed)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"mine", "--partitions", "3"}, 0, "Created topic mine with 3 partitions"},
		{[]string{"--partitions=3", "mine"}, 0, "Topic mine already exists with 3 partitions"},
		{[]string{"mine"}, 1, "topic mine already exists with 3 partitions, not 1"},
		{[]string{"mine", "--partitions", "0"}, 1, "--partitions is 0: it must be 1 or more"},
		{[]string{"mine", "other"}, 1, "the name of one topic"},
		{[]string{"mine", "--brokers", "127.0.0.1:1"}, 1, "reaching Kafka at 127.0.0.1:1"},
	} {
		if code, printed := run(append([]string{"topic", "create"}, c.args...)...); code != c.code || !strings.Contains(printed, c.says) {
			t.Errorf("topic create %q ends with %d, want %d: %q", c.args, code, c.code, printed)
		}
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// If this fails, the panel of the newest texts is empty in the demo.
func TestDemoStoresASampleOfTexts(t *testing.T) {
	t.Parallel()
	p := start(t, "--count", "0", "--rate", "1000")
	testenv.Eventually(t, patience, "texts on the dashboard", func() error {
		found := dashboard.FindStringSubmatch(p.Log(t))
		if found == nil {
			return io.ErrNoProgress
		}
		// The dashboard only reads while a page is open.
		events, err := http.Get(found[1] + "api/brand/events?range=1m")
		if err != nil {
			return err
		}
		defer events.Body.Close()
		time.Sleep(time.Second)
		response, err := http.Get(found[1] + "api/brand/tweets?range=1m")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || !strings.Contains(string(body), `"text":"`) {
			return fmt.Errorf("%s, %w", body, err)
		}
		return nil
	})
	if code := p.Stop(t); code != 0 || !strings.HasSuffix(strings.TrimSpace(p.Log(t)), "equal") {
		t.Errorf("exit code %d, want 0 and equal counts:\n%s", code, p.Log(t))
	}
}
