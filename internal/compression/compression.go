// Package compression is how record batches are compressed, as settings: the fields
// `compression` and `compression_level`, which the components that build record batches
// share, their lint rules, and the same checks for constructors.
package compression

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

const (
	fieldCodec = "compression"
	fieldLevel = "compression_level"
)

// Errors of lint and the constructor.
const (
	WrongHighest = "compression_level is 1 to 9 for gzip, 1 to 17 for lz4, 1 to 22 for zstd"
	WrongLevel   = "compression_level has an effect only with compression gzip, lz4 or zstd"
)

var codecs = []recordbatch.Codec{recordbatch.None, recordbatch.Gzip, recordbatch.Snappy, recordbatch.LZ4, recordbatch.Zstd}

// Names are the values of a field whose value is a codec, `none` first.
var Names = names()

func names() (names []string) {
	for _, codec := range codecs {
		names = append(names, codec.String())
	}
	return names
}

// highest is the highest level of any codec.
var highest = int64(recordbatch.Zstd.HighestLevel())

// Fields returns both fields. description is that of `compression`.
func Fields(description string) []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringEnumField(fieldCodec, Names...).
			Description(description).
			Default(recordbatch.None.String()).
			LintRule(lintrule.Enum(fieldCodec, Names...)),
		service.NewIntField(fieldLevel).
			Description("Level of the compression: 1 to 9 for `gzip`, 1 to 17 for `lz4`, 1 to 22 for `zstd`. By default Kafka's: 6, 1 and 3.").
			Optional().
			Advanced().
			LintRule(lintrule.Int(fieldLevel, 1, highest)),
	}
}

// LintCases are the cases of a component's lint rule, a match in Bloblang, for a level
// that its codec does not have. A rule of one field cannot see the other.
var LintCases = lintCases()

func lintCases() string {
	var levels, without []string
	for _, codec := range codecs {
		if most := codec.HighestLevel(); most > 0 {
			levels = append(levels, fmt.Sprintf("%q: %d", codec, most))
		} else {
			without = append(without, fmt.Sprintf("%q", codec))
		}
	}
	return fmt.Sprintf(`  { %s }.get(this.compression.or("none")).or(%d) < this.compression_level.or(1) => [ %q ],
  this.exists("compression_level") && [%s].contains(this.compression.or("none")) => [ %q ],
`, strings.Join(levels, ", "), highest, WrongHighest, strings.Join(without, ", "), WrongLevel)
}

// From returns the values of the fields, checked. Without `compression_level`, level is
// recordbatch.DefaultLevel.
func From(parsed *service.ParsedConfig) (codec recordbatch.Codec, level int, err error) {
	name, err := parsed.FieldString(fieldCodec)
	if err != nil {
		return 0, 0, err
	}
	if err := lintrule.CheckEnum(fieldCodec, name, Names...); err != nil {
		return 0, 0, err
	}
	codec = Named(name)
	if !parsed.Contains(fieldLevel) {
		return codec, recordbatch.DefaultLevel, nil
	}
	if level, err = parsed.FieldInt(fieldLevel); err != nil {
		return 0, 0, err
	}
	switch most := codec.HighestLevel(); {
	case most == 0:
		return 0, 0, errors.New(WrongLevel)
	case level > most:
		return 0, 0, errors.New(WrongHighest)
	}
	return codec, level, lintrule.CheckInt(fieldLevel, int64(level), 1, highest)
}

// Named returns the codec of one of Names.
func Named(name string) recordbatch.Codec {
	for _, codec := range codecs {
		if codec.String() == name {
			return codec
		}
	}
	return recordbatch.None
}
