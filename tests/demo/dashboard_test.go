package demo_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var dashboard = regexp.MustCompile(`\ADashboard +(http://127\.0\.0\.1:\d+/)\n`)

// If this fails, the printed address does not work, or the page does not show the demo.
func TestDemoServesTheDashboard(t *testing.T) {
	p := start(t, "--count", "0", "--rate", "5000")
	var address string
	testenv.Eventually(t, patience, "the address is the first thing that is said", func() error {
		found := dashboard.FindStringSubmatch(p.Log(t))
		if found == nil {
			return fmt.Errorf("the log is %q", p.Log(t))
		}
		address = found[1]
		return nil
	})
	for stream, shown := range map[string]*regexp.Regexp{
		"api/brand/events?range=1m": regexp.MustCompile(`"brands":\[\{"name":"SuperCoffee".*"name":"NanoWater"`),
		"api/pipeline/events":       regexp.MustCompile(`"generated":[1-9].*"kafka":[1-9].*"decoded":[1-9].*"stored":[1-9].*"lag":\d`),
	} {
		response, err := http.Get(address + stream)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 8<<20)
		deadline := time.AfterFunc(patience, func() { response.Body.Close() })
		found := false
		for !found && lines.Scan() {
			found = strings.HasPrefix(lines.Text(), "data: ") && shown.MatchString(lines.Text())
		}
		deadline.Stop()
		if !found {
			t.Errorf("%s never shows %s: %v", stream, shown, lines.Err())
		}
	}
	// The dead letters are read from the topic of the demo.
	response, err := http.Get(address + "api/dead-letters?n=5")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || !regexp.MustCompile(`"topic":"tweets_dead".*"letters":\[\].*"problem":null`).Match(body) {
		t.Errorf("the dead letters are %s, %v", body, err)
	}
	// If this fails, an open page prevents the demo from ending.
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// Without it, nothing listens and no address is printed.
func TestDemoWithoutTheDashboard(t *testing.T) {
	p := start(t, "--count", "1000", "--rate", "0", "--dashboard=false")
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	if strings.Contains(p.Log(t), "Dashboard") {
		t.Errorf("a dashboard is named in\n%s", p.Log(t))
	}
}
