package lintrule_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
)

// lint returns the message of lint about a value of a field with a rule.
func lint(t testing.TB, field *service.ConfigField, rule, value string) string {
	t.Helper()
	env := service.NewEnvironment()
	err := env.RegisterProcessor("p", service.NewConfigSpec().Fields(field.LintRule(rule)),
		func(*service.ParsedConfig, *service.Resources) (service.Processor, error) {
			panic("the processor must not be created")
		})
	if err != nil {
		t.Fatal(err)
	}
	lints, err := env.NewComponentConfigLinter().LintProcessorYAML([]byte("p:\n  f: " + value))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, l := range lints {
		all = append(all, l.What)
	}
	return strings.Join(all, "; ")
}

// If this fails, a wrong value passes lint, or the message lacks the field, the value
// or what is allowed.
func TestRules(t *testing.T) {
	text, number, float := service.NewStringField("f"), service.NewIntField("f"), service.NewFloatField("f")
	enum := lintrule.Enum("f", "fixed", "volatile")
	renamed := lintrule.Renamed{"wild": "volatile"}.Enum("f", "fixed", "volatile")
	integer := lintrule.Int("f", 1, 100)
	rate := lintrule.Float("f", "this == 0 || this >= 0.001 && this <= 1000", "0 or from 0.001 to 1000")
	wait := lintrule.Duration("f", time.Millisecond, 24*time.Hour)
	open := lintrule.Duration("f", 0, 0)
	millis := lintrule.WholeMillis("f", time.Millisecond, time.Hour)
	retention := lintrule.ZeroOrDuration("f", "for ever", time.Hour, 0)
	size := lintrule.Size("f", 1<<30)
	noX := lintrule.Text("f", `this.has_suffix("x")`, "a text without an x at its end")
	for _, test := range []struct {
		field       *service.ConfigField
		rule, value string
		want        string // "": no message
	}{
		{text, enum, "fixed", ""},
		{text, enum, "chaos", `f is "chaos": it must be fixed or volatile`},
		{text, enum, "5", `f is "5": it must be fixed or volatile`},
		{text, enum, "", `f is "": it must be`},
		{text, renamed, "volatile", ""},
		{text, renamed, "wild", `f is "wild", which is now called volatile`},
		{text, renamed, "chaos", `f is "chaos": it must be fixed or volatile`},
		{number, integer, "100", ""},
		{number, integer, "0", "f is 0: it must be a whole number from 1 to 100"},
		{number, integer, "101", "f is 101: it must be"},
		{number, lintrule.Int("f", 1, 0), "101", ""},
		{number, lintrule.Int("f", 1, 0), "0", "f is 0: it must be a whole number, at least 1"},
		{float, rate, "0", ""},
		{float, rate, "0.5", ""},
		{float, rate, "-1", "f is -1: it must be 0 or from 0.001 to 1000"},
		{float, rate, "1000.5", "f is 1000.5: it must be"},
		{float, rate, ".nan", "it must be 0 or from"},
		{text, lintrule.NotEmpty("f"), "a", ""},
		{text, lintrule.NotEmpty("f"), "''", `f is "": it must be a text that is not empty`},
		{text, noX, "box", `f is "box": it must be a text without`},
		{text, noX, "5", ""},
		{text, wait, "90s", ""},
		{text, wait, "24h", ""},
		{text, wait, "1d", `f is "1d": it must be a duration such as 500ms, 10s, 5m or 48h, from 1ms to 24h`},
		{text, wait, "90", `f is "90": it must be a duration`},
		{text, wait, "1x", `f is "1x": it must be`},
		{text, wait, "0s", `f is "0s": it must be`},
		{text, wait, "25h", `f is "25h": it must be`},
		{text, wait, "-1s", `f is "-1s": it must be`},
		{text, wait, "1h30", `f is "1h30": it must be`},
		{text, wait, "", `f is "": it must be`},
		{text, open, "0", ""}, // as in time.ParseDuration
		{text, open, "-1s", `at least 0s`},
		{text, retention, "0s", ""},
		{text, retention, "2h", ""},
		{text, retention, "10m", `f is "10m": it must be 0s, for ever, or a duration such as 500ms, 10s, 5m or 48h, at least 1h`},
		{text, retention, "soon", `f is "soon": it must be 0s`},
		{text, millis, "1.5s", ""},
		{text, millis, "1500us", `f is "1500us": it must be whole milliseconds, such as 500ms, 10s, 5m or 48h, from 1ms to 1h`},
		{text, size, "1GiB", ""},
		{text, size, "5000", ""},
		{text, size, "1.5GiB", `f is "1.5GiB": it must be a size such as 512KiB or 64MiB, from 1B to 1.0 GiB`},
		{text, size, "0B", `it must be a size`},
		{text, size, "-1MiB", `it must be a size`},
		{text, size, "10 bananas", `f is "10 bananas": it must be a size`},
		{text, size, "", `f is ""`},
		{text, size, strings.Repeat("a", 1000), strings.Repeat("a", 99) + ": it must be"},
	} {
		got := lint(t, test.field, test.rule, test.value)
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%q: %q, want %q", test.value, got, test.want)
		}
	}
}

// If this fails, lint accepts a size that the constructor, which uses go-humanize,
// rejects, or the reverse.
func TestSizeAgreesWithTheConstructors(t *testing.T) {
	rule := lintrule.Size("f", 1<<30)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[0-9]{1,4}([.,][0-9]{1,3})?[.,]? ?([kKmMgGtTpP]?[iI]?[bB]?|x)`).Draw(t, "size")
		n, err := humanize.ParseBytes(value)
		right := err == nil && n >= 1 && n <= 1<<30
		said := lintQuoted(t, rule, value)
		if right != (said == "") {
			t.Fatalf("%q is %d bytes (%v), lint: %q", value, n, err, said)
		}
	})
}

// As above, for durations.
func TestDurationAgreesWithTheConstructors(t *testing.T) {
	rule := lintrule.Duration("f", time.Millisecond, time.Hour)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`-?[0-9]{0,3}(\.[0-9]{1,2})?(ns|us|µs|ms|s|m|h|d|x|)([0-9]{1,2}(s|ms))?`).Draw(t, "duration")
		d, err := time.ParseDuration(value)
		right := err == nil && d >= time.Millisecond && d <= time.Hour
		if said := lintQuoted(t, rule, value); right != (said == "") {
			t.Fatalf("%q is %s (%v), lint: %q", value, d, err, said)
		}
	})
}

func lintQuoted(t *rapid.T, rule, value string) string {
	env := service.NewEnvironment()
	err := env.RegisterProcessor("p", service.NewConfigSpec().Fields(service.NewStringField("f").LintRule(rule)),
		func(*service.ParsedConfig, *service.Resources) (service.Processor, error) {
			panic("the processor must not be created")
		})
	if err != nil {
		t.Fatal(err)
	}
	lints, err := env.NewComponentConfigLinter().LintProcessorYAML([]byte("p: {f: " + strconv.QuoteToASCII(value) + "}"))
	if err != nil {
		t.Fatal(err)
	}
	if len(lints) == 0 {
		return ""
	}
	return lints[0].What
}

// If this fails, a constructor accepts a value that lint rejects, or has another
// message.
func TestChecksAreTheRules(t *testing.T) {
	text, number := service.NewStringField("f"), service.NewIntField("f")
	renamed := lintrule.Renamed{"a": "b"}
	for _, test := range []struct {
		err         error
		field       *service.ConfigField
		rule, value string
	}{
		{lintrule.CheckEnum("f", "chaos", "a", "b", "c"), text, lintrule.Enum("f", "a", "b", "c"), "chaos"},
		{lintrule.CheckEnum("f", "a", "a", "b"), text, lintrule.Enum("f", "a", "b"), "a"},
		{renamed.CheckEnum("f", "a", "b", "c"), text, renamed.Enum("f", "b", "c"), "a"},
		{renamed.CheckEnum("f", "b", "b", "c"), text, renamed.Enum("f", "b", "c"), "b"},
		{renamed.CheckEnum("f", "d", "b", "c"), text, renamed.Enum("f", "b", "c"), "d"},
		{lintrule.CheckInt("f", 0, 1, 9), number, lintrule.Int("f", 1, 9), "0"},
		{lintrule.CheckInt("f", 10, 1, 9), number, lintrule.Int("f", 1, 9), "10"},
		{lintrule.CheckInt("f", 9, 1, 9), number, lintrule.Int("f", 1, 9), "9"},
		{lintrule.CheckInt("f", 99, 1, 0), number, lintrule.Int("f", 1, 0), "99"},
		{lintrule.CheckNotEmpty("f", ""), text, lintrule.NotEmpty("f"), "''"},
		{lintrule.CheckNotEmpty("f", "a"), text, lintrule.NotEmpty("f"), "a"},
	} {
		said := lint(t, test.field, test.rule, test.value)
		if test.err == nil && said != "" || test.err != nil && test.err.Error() != said {
			t.Errorf("%s: the constructor says %v, lint %q", test.value, test.err, said)
		}
	}
	// Only lint shows a duration as the user wrote it.
	const least, most = time.Millisecond, time.Hour
	for text, d := range map[string]time.Duration{"0s": 0, "1ms": least, "1500us": 1500 * time.Microsecond, "1h": most, "2h": 2 * most} {
		for _, pair := range []struct {
			rule string
			err  error
		}{
			{lintrule.Duration("f", least, most), lintrule.CheckDuration("f", d, least, most)},
			{lintrule.WholeMillis("f", least, most), lintrule.CheckWholeMillis("f", d, least, most)},
			{lintrule.ZeroOrDuration("f", "never", least, most), lintrule.CheckZeroOrDuration("f", "never", d, least, most)},
		} {
			said := lint(t, service.NewStringField("f"), pair.rule, text)
			_, allowed, _ := strings.Cut(said, ": ")
			if (said == "") != (pair.err == nil) || pair.err != nil && !strings.HasSuffix(pair.err.Error(), allowed) {
				t.Errorf("%s: the constructor says %v, lint %q", text, pair.err, said)
			}
		}
	}
}

// If this fails, lint accepts a name that no point can have, or rejects one that
// InfluxDB stores.
func TestNamesAreThoseOfLineProtocol(t *testing.T) {
	measurement, optional, tag := lintrule.Measurement("f"), lintrule.MeasurementOrNone("f"), lintrule.TagValue("f", "256")
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.SampledFrom([]rune("aä,= \"\\\n\t#\r😀")), 0, 6, -1).Draw(t, "name")
		for _, pair := range []struct {
			rule string
			want error
		}{
			{measurement, lineproto.CheckMeasurement(name)},
			{tag, lineproto.CheckTagValue(name)},
		} {
			if said := lintQuoted(t, pair.rule, name); (said == "") != (pair.want == nil) {
				t.Fatalf("%q: lint says %q, line protocol %v", name, said, pair.want)
			}
		}
		if said := lintQuoted(t, optional, name); (said == "") != (name == "" || lineproto.CheckMeasurement(name) == nil) {
			t.Fatalf("%q: lint says %q of an optional measurement", name, said)
		}
	})
	if said := lint(t, service.NewStringField("f"), tag, strings.Repeat("ä", 129)); !strings.Contains(said, "at most 256 bytes") {
		t.Errorf("a name of 258 bytes: %q", said)
	}
	if said := lint(t, service.NewStringField("f"), tag, strings.Repeat("ä", 128)); said != "" {
		t.Errorf("a name of 256 bytes: %q", said)
	}
}
