package lineproto

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The escapes of each place are those of InfluxDB's documentation of line
// protocol; the round trip through its parser is in tests/influxparser.
func TestAppend(t *testing.T) {
	for _, test := range []struct{ name, got, want string }{
		{"measurement", string(AppendMeasurement(nil, "a b,c=d\"e\\f")), `a\ b\,c=d"e\f`},
		{"tag", string(AppendTag(nil, []byte("a b,c=d\"e\\f"), "1 2,3=4\"5\\6")), `,a\ b\,c\=d"e\f=1\ 2\,3\=4"5\6`},
		{"field key", string(AppendFieldKey(nil, "a b,c=d\"e\\f")), `a\ b\,c\=d"e\f=`},
		{"string", string(AppendString(nil, "a b,c=d\"e\\f\ng")), `"a b,c=d\"e\\f` + "\n" + `g"`},
		{"string of bytes", string(AppendString(nil, []byte("é"))), `"é"`},
		{"integer", string(AppendInt(nil, math.MinInt64)), "-9223372036854775808i"},
		{"unsigned", string(AppendUint(nil, math.MaxUint64)), "18446744073709551615u"},
		{"boolean", string(AppendBool(nil, true)) + string(AppendBool(nil, false)), "truefalse"},
		{"float", string(AppendFloat(nil, 1234567)), "1234567"},
		{"float below 1", string(AppendFloat(nil, -0.000001)), "-0.000001"},
		{"large float", string(AppendFloat(nil, 1e21)), "1e+21"},
		{"small float", string(AppendFloat(nil, 1e-7)), "1e-07"},
		{"float zero", string(AppendFloat(nil, 0)), "0"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
	}
}

// If this fails, the search by words of eight bytes misses a special byte at some
// position in a text of some length, or reports one that does not exist.
func TestSpecialBytesAreSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("a,= +<-\x00\x7f\u00ac\u00a0\u00bd"))).Draw(t, "s")
		if got, want := plain(s), !strings.ContainsAny(s, ",= "); got != want {
			t.Fatalf("plain(%q) = %v", s, got)
		}
		want := strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `).Replace(s)
		if got := string(AppendFieldKey([]byte("x"), s)); got != "x"+want+"=" {
			t.Fatalf("%q is written as %q", s, got)
		}
	})
}

// If this fails, encoding a tweet allocates.
func TestEncodersDoNotAllocate(t *testing.T) {
	buf, text := make([]byte, 0, 4096), []byte(`say "hi", all`)
	if n := testing.AllocsPerRun(100, func() {
		b := AppendMeasurement(buf[:0], text)
		b = AppendTag(b, text, "v w")
		b = AppendFieldKey(b, text)
		b = AppendString(b, text)
		b = AppendFloat(b, 0.1)
		if CheckMeasurement(b) == nil || CheckKey(text) != nil || CheckTagValue(text) != nil {
			t.Error("a check is wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name      string
		got, want error
	}{
		{"measurement", CheckMeasurement(`a\b c,d="e"`), nil},
		{"measurement empty", CheckMeasurement(""), ErrEmpty},
		{"measurement newline", CheckMeasurement("a\nb"), ErrNewline},
		{"measurement comment", CheckMeasurement("#a"), ErrLeading},
		{"measurement backslash", CheckMeasurement(`a\=b`), ErrBackslash},
		{"measurement too long", CheckMeasurement(strings.Repeat("a", MaxKeyLen+1)), ErrTooLong},
		{"key", CheckKey([]byte(`#a\b c,d="e"`)), nil},
		{"measurement mark", CheckMeasurement(Mark + "m"), ErrMark},
		{"measurement mark inside", CheckMeasurement("m" + Mark), nil},
		{"key mark", CheckKey(Mark + "time"), ErrMark},
		{"tag value mark", CheckTagValue(Mark), nil},
		{"key time", CheckKey("time"), ErrReserved},
		{"key _field", CheckKey("_field"), ErrReserved},
		{"key _measurement", CheckKey([]byte("_measurement")), ErrReserved},
		{"key 0xff", CheckKey("\xff"), ErrReserved},
		{"key backslash last", CheckKey(`a\`), ErrBackslash},
		{"tag value", CheckTagValue(`C:\dir\,x\=\"#`), nil},
		{"tag value time", CheckTagValue("time"), nil},
		{"tag value empty", CheckTagValue([]byte{}), ErrEmpty},
		{"tag value backslash last", CheckTagValue(`C:\`), ErrBackslash},
		{"tag value backslash space", CheckTagValue(`a\ b`), ErrBackslash},
		{"string", CheckString(strings.Repeat("a", MaxStringLen)), nil},
		{"string too long", CheckString(strings.Repeat("a", MaxStringLen+1)), ErrTooLong},
		{"float", CheckFloat(-0.1), nil},
		{"NaN", CheckFloat(math.NaN()), ErrNotFinite},
		{"infinite", CheckFloat(math.Inf(-1)), ErrNotFinite},
		{"time", CheckTime(MinTime), nil},
		{"time too early", CheckTime(math.MinInt64 + 1), ErrTimeOutside},
		{"time too late", CheckTime(math.MaxInt64), ErrTimeOutside},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
}
