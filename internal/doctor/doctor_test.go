package doctor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func check(id ID, f Finding, needs ...*Check) *Check {
	return &Check{ID: id, Group: "g", Needs: needs, Run: func(context.Context) Finding { return f }}
}

var options = Options{Deadline: 10 * time.Second, Limit: 5 * time.Second}

// If this fails, a link that doctor prints leads nowhere, or the page describes a check
// that does not exist.
func TestEachCheckHasASectionInThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sections []ID
	for _, match := range regexp.MustCompile(`(?m)^### (\S+)$`).FindAllStringSubmatch(string(page), -1) {
		sections = append(sections, ID(match[1]))
	}
	if !slices.Equal(sections, IDs) {
		t.Errorf("docs/troubleshooting.md has the sections\n%v\nand the checks are\n%v", sections, IDs)
	}
	anchors := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(page), -1) {
		anchors[strings.ReplaceAll(strings.ToLower(match[1]), " ", "-")] = true
	}
	for _, match := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(page), -1) {
		if !anchors[match[1]] {
			t.Errorf("docs/troubleshooting.md refers to its section %s, which does not exist", match[1])
		}
	}
	if len(IDs) < 30 {
		t.Errorf("%d checks", len(IDs))
	}
}

// If this fails, one fault is reported many times, or not as the cause.
func TestWhatFollowsIsNotRepeated(t *testing.T) {
	first := check(KafkaReach, Failed("do", "refused"))
	second := check(KafkaLogin, OK("never"), first)
	third := check(KafkaTopic, OK("never"), second)
	other := &Check{ID: InfluxReach, Group: "other", Needs: []*Check{third}, Run: func(context.Context) Finding { return OK("never") }}
	report := Run(t.Context(), []*Check{first, second, third, other}, options)
	if report.Cause != string(KafkaReach) || report.Outcome != StatusFailed {
		t.Errorf("cause %q, outcome %s", report.Cause, report.Outcome)
	}
	for _, result := range report.Checks[1:] {
		if result.Status != StatusSkipped || result.Because != string(KafkaReach) {
			t.Errorf("%s is %s because of %q", result.ID, result.Status, result.Because)
		}
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  failed   kafka-reach", "→ do", Page + "#kafka-reach", "once kafka-reach succeeds: kafka-login, kafka-topic\n", "Fix first: kafka-reach."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
	if strings.Count(text.String(), "refused") != 1 {
		t.Errorf("the failure is repeated:\n%s", text.String())
	}
}

// If this fails, a check that was not made counts as made.
func TestSkippedIsNotOK(t *testing.T) {
	unknown := check(KafkaRead, Skipped("no right"))
	dependent := check(KafkaLag, OK("never"), unknown)
	report := Run(t.Context(), []*Check{unknown, dependent}, options)
	if report.Outcome != StatusOK || report.Checks[1].Because != string(KafkaRead) {
		t.Errorf("%+v", report)
	}
}

// If this fails, a server that never answers makes the command hang.
func TestAHangingCheckIsAbandoned(t *testing.T) {
	hang := &Check{ID: KafkaReach, Group: "g", Limit: 50 * time.Millisecond, Run: func(context.Context) Finding { select {} }}
	late := &Check{ID: KafkaTLS, Group: "g", Run: func(context.Context) Finding { time.Sleep(time.Hour); return Finding{} }}
	began := time.Now()
	report := Run(t.Context(), []*Check{hang, late}, Options{Deadline: 400 * time.Millisecond, Limit: time.Minute})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, result := range report.Checks {
		if result.Status != StatusFailed || !strings.Contains(result.Seen, "no answer within") {
			t.Errorf("%+v", result)
		}
	}
}

// If this fails, checks that were not made for lack of time name a cause that is none.
func TestTheCauseAtTheDeadline(t *testing.T) {
	checks := []*Check{{ID: KafkaReach, Group: "g", Run: func(context.Context) Finding { select {} }}}
	for len(checks) < 20 {
		checks = append(checks, check(KafkaTLS, OK("never"), checks[len(checks)-1]))
	}
	report := Run(t.Context(), checks, Options{Deadline: 50 * time.Millisecond, Limit: time.Minute})
	for _, result := range report.Checks[1:] {
		if result.Because != string(KafkaReach) {
			t.Fatalf("%+v", result)
		}
	}
}

// If this fails, a mistake in one check hides what the others have found.
func TestAPanicIsAFinding(t *testing.T) {
	report := Run(t.Context(), []*Check{
		{ID: KafkaReach, Group: "g", Run: func(context.Context) Finding { panic("a mistake") }},
		check(KafkaTLS, OK("seen")),
	}, options)
	if report.Checks[0].Status != StatusSkipped || !strings.Contains(report.Checks[0].Seen, "a mistake") || report.Checks[1].Status != StatusOK {
		t.Errorf("%+v", report.Checks)
	}
}

func TestOfflineMakesOnlyOfflineChecks(t *testing.T) {
	o := options
	o.Offline = true
	offline := check(ConfigLint, OK("made"))
	offline.Offline = true
	report := Run(t.Context(), []*Check{offline, check(KafkaReach, Failed("", "made"))}, o)
	if report.Checks[0].Status != StatusOK || report.Checks[1].Status != StatusSkipped {
		t.Errorf("%+v", report.Checks)
	}
}

// If this fails, a password from the configuration is printed.
func TestSecretsAreMasked(t *testing.T) {
	o := options
	o.Hide = func(text string) string { return strings.ReplaceAll(text, "canary", "(hidden)") }
	report := Run(t.Context(), []*Check{check(KafkaLogin, Failed("try canary", "bad canary"))}, o)
	report.Add(o, []Result{{ID: Connection, Finding: Failed("a canary", "one canary")}})
	var text strings.Builder
	if err := report.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "canary") {
		t.Error(text.String())
	}
	var back struct {
		Outcome, Cause string
		Checks         []struct{ Check, Status, Seen, Do, Page string }
	}
	if err := json.Unmarshal([]byte(text.String()), &back); err != nil {
		t.Fatal(err)
	}
	if c := back.Checks[0]; back.Outcome != "failed" || back.Cause != "kafka-login" || c.Check != "kafka-login" || c.Status != "failed" || c.Seen != "bad (hidden)" || c.Do == "" || c.Page != Page+"#kafka-login" {
		t.Errorf("%+v", back)
	}
}
