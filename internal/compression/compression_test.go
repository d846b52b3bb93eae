package compression

import (
	"fmt"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // functions of the lint rules
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// If this fails, lint accepts a level at which the constructor or the first batch fails,
// or rejects one that they accept.
func TestLevels(t *testing.T) {
	env := service.NewEnvironment()
	spec := service.NewConfigSpec().Fields(Fields("")...).LintRule("root = match {\n" + LintCases + "}")
	if err := env.RegisterOutput("any", spec, func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) {
		return nil, 0, nil
	}); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, name := range Names {
		codec := Named(name)
		for level := -1; level <= 23; level++ {
			yaml := fmt.Sprintf("{ compression: %s, compression_level: %d }", name, level)
			lints, err := env.NewComponentConfigLinter().LintOutputYAML([]byte("any: " + yaml))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := spec.ParseYAML(yaml, env)
			if err != nil {
				t.Fatal(err)
			}
			gotCodec, gotLevel, wrong := From(parsed)
			_, wrongAtWork := recordbatch.NewCompressor(codec, level)
			if len(lints) == 0 != (wrongAtWork == nil) || (wrong == nil) != (wrongAtWork == nil) {
				t.Errorf("%s: lint says %v, the constructor %v, the compressor %v", yaml, lints, wrong, wrongAtWork)
			}
			if wrong == nil {
				accepted++
				if gotCodec.String() != name || gotLevel != level {
					t.Errorf("%s is read as %s, %d", yaml, gotCodec, gotLevel)
				}
			}
		}
	}
	if want := 9 + 17 + 22; accepted != want {
		t.Errorf("%d levels are accepted, not the %d of Kafka", accepted, want)
	}
}

// If this fails, a codec without a level is another codec, or has a level that is not
// Kafka's.
func TestWithoutLevel(t *testing.T) {
	spec := service.NewConfigSpec().Fields(Fields("")...)
	for codec := recordbatch.None; codec <= recordbatch.Zstd; codec++ {
		parsed, err := spec.ParseYAML("compression: "+codec.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, level, err := From(parsed); err != nil || got != codec || level != recordbatch.DefaultLevel {
			t.Errorf("%s is read as %s, %d, %v", codec, got, level, err)
		}
	}
	if parsed, err := spec.ParseYAML("compression: brotli", nil); err == nil {
		if _, _, err := From(parsed); err == nil {
			t.Error("brotli is accepted")
		}
	}
}
