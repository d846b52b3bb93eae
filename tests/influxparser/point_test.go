package influxparser

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/influxdata/influxdb/models"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

func init() { models.EnableUintSupport() } // as InfluxDB 2

// point is one with each kind of field. The tag and the first field carry the
// fuzzed keys, the second field carries the key again behind a comma.
type point struct {
	measurement, tagKey, tagValue, fieldKey, str string
	i                                            int64
	u                                            uint64
	f                                            float64
	b                                            bool
	ns                                           int64
}

func (p point) append(b []byte) []byte {
	b = lineproto.AppendMeasurement(b, p.measurement)
	b = lineproto.AppendTag(b, p.tagKey, p.tagValue)
	b = append(b, ' ')
	b = lineproto.AppendFieldKey(b, p.fieldKey)
	b = lineproto.AppendString(b, p.str)
	b = append(b, ',')
	b = lineproto.AppendFieldKey(b, "i"+p.fieldKey)
	b = lineproto.AppendInt(b, p.i)
	b = append(b, ',')
	b = lineproto.AppendFieldKey(b, "u"+p.fieldKey)
	b = lineproto.AppendUint(b, p.u)
	b = append(b, ',')
	b = lineproto.AppendFieldKey(b, "f"+p.fieldKey)
	b = lineproto.AppendFloat(b, p.f)
	b = append(b, ',')
	b = lineproto.AppendFieldKey(b, "b"+p.fieldKey)
	b = lineproto.AppendBool(b, p.b)
	b = append(b, ' ')
	return strconv.AppendInt(b, p.ns, 10)
}

func (p point) check() error {
	err := errors.Join(
		lineproto.CheckMeasurement(p.measurement), lineproto.CheckKey(p.tagKey),
		lineproto.CheckTagValue(p.tagValue), lineproto.CheckKey(p.fieldKey),
		lineproto.CheckString(p.str), lineproto.CheckFloat(p.f), lineproto.CheckTime(p.ns))
	if err == nil && len(p.measurement)+len(p.tagKey)+len(p.tagValue)+len(p.fieldKey) > lineproto.MaxKeyLen/3 {
		err = lineproto.ErrTooLong
	}
	return err
}

// FuzzPoint breaks if a point that the Check functions let pass is not what
// InfluxDB reads: another name, tag, value or time, a key that no query finds,
// or a neighbour that is spoilt.
func FuzzPoint(f *testing.F) {
	add := func(m, tk, tv, fk, s string) { f.Add(m, tk, tv, fk, s, int64(-1), uint64(1), 0.5, true, int64(1)) }
	add("tweets", "brand", "SuperCoffee", "text", "I love it")
	add("a,b c", "k, =", "v, =", "f, =", "\"\\\n\\\"")
	add(`a\b\\c`, `C:\d`, `\,x\=\"`, `C:\d`, `\`)
	add("é\t#", "\x01", "\r", "#\t\"", "\x00")
	add("m", "=", "=", ",", "=,")
	f.Add("m", "k", "v", "f", "", int64(math.MinInt64), uint64(math.MaxUint64), math.MaxFloat64, false, int64(lineproto.MinTime))
	f.Add("m", "k", "v", "f", "", int64(math.MaxInt64), uint64(0), 5e-324, false, int64(lineproto.MaxTime))
	f.Fuzz(func(t *testing.T, m, tk, tv, fk, s string, i int64, u uint64, fl float64, b bool, ns int64) {
		p := point{m, tk, tv, fk, s, i, u, fl, b, ns}
		if p.check() != nil {
			return
		}
		encoded := p.append(nil)
		if line, rest := lineproto.NextLine(encoded); line.Err != nil || !line.Timed() || len(rest) > 0 || !bytes.Equal(line.Bytes, encoded) {
			t.Fatalf("%q is read as the line %q (%v)", encoded, line.Bytes, line.Err)
		}
		request := append([]byte("zz f=1i 7\n"), encoded...)
		request = append(request, "\nzz f=2i 8\n"...)
		points, err := parse(request)
		if err != nil || len(points) != 3 || string(points[0].Key()) != "zz" || string(points[2].Key()) != "zz" {
			t.Fatalf("%q: %v, %v", encoded, points, err)
		}
		got := points[1]
		tags := got.Tags()
		if string(got.Name()) != m || len(tags) != 1 || string(tags[0].Key) != tk || string(tags[0].Value) != tv || got.UnixNano() != ns {
			t.Fatalf("%q: name %q, tags %q, time %d", encoded, got.Name(), tags, got.UnixNano())
		}
		// The series key is what is stored, and a query makes it again from name
		// and tags: if the two differ, the point is there but nobody finds it.
		if key := models.MakeKey(got.Name(), tags); !bytes.Equal(key, got.Key()) {
			t.Fatalf("%q: key %q, queries look for %q", encoded, got.Key(), key)
		}
		if name, tags := models.ParseKeyBytes(got.Key()); string(name) != m || len(tags) != 1 || string(tags[0].Value) != tv {
			t.Fatalf("%q: key is read back as %q %q", encoded, name, tags)
		}
		fields, err := got.Fields()
		want := models.Fields{fk: s, "i" + fk: i, "u" + fk: u, "f" + fk: fl, "b" + fk: b}
		if err != nil || len(fields) != len(want) {
			t.Fatalf("%q: fields %v, %v", encoded, fields, err)
		}
		for k, v := range want {
			if fields[k] != v {
				t.Fatalf("%q: field %q is %v, not %v", encoded, k, fields[k], v)
			}
		}
	})
}

// TestRefusedIsMangled breaks if a Check function refuses what InfluxDB would
// have kept as it is: each of these, written all the same, comes out as
// something else in some point.
func TestRefusedIsMangled(t *testing.T) {
	ok := point{measurement: "m", tagKey: "k", tagValue: "v", fieldKey: "f", ns: 1}
	with := func(change func(*point)) point { p := ok; change(&p); return p }
	for name, test := range map[string]struct {
		point point
		want  error
	}{
		"measurement empty":          {with(func(p *point) { p.measurement = "" }), lineproto.ErrEmpty},
		"measurement newline":        {with(func(p *point) { p.measurement = "a\nb" }), lineproto.ErrNewline},
		"measurement backslash last": {with(func(p *point) { p.measurement = `a\` }), lineproto.ErrBackslash},
		"measurement \\comma":        {with(func(p *point) { p.measurement = `a\,b` }), lineproto.ErrBackslash},
		"measurement \\=":            {with(func(p *point) { p.measurement = `a\=b` }), lineproto.ErrBackslash},
		"measurement \\quote":        {with(func(p *point) { p.measurement = `a\"b` }), lineproto.ErrBackslash},
		"measurement \\space":        {with(func(p *point) { p.measurement, p.tagValue, p.str = `a\ b`, `\,`, "x\ny" }), lineproto.ErrBackslash},
		"measurement comment":        {with(func(p *point) { p.measurement = "#a" }), lineproto.ErrLeading},
		"measurement tab first":      {with(func(p *point) { p.measurement = "\ta" }), lineproto.ErrLeading},
		"measurement NUL first":      {with(func(p *point) { p.measurement = "\x00a" }), lineproto.ErrLeading},
		"tag key empty":              {with(func(p *point) { p.tagKey = "" }), lineproto.ErrEmpty},
		"tag key newline":            {with(func(p *point) { p.tagKey = "a\nb" }), lineproto.ErrNewline},
		"tag key backslash last":     {with(func(p *point) { p.tagKey = `a\` }), lineproto.ErrBackslash},
		"tag key \\space":            {with(func(p *point) { p.tagKey, p.tagValue = `a\ b`, `"` }), lineproto.ErrBackslash},
		"tag value empty":            {with(func(p *point) { p.tagValue = "" }), lineproto.ErrEmpty},
		"tag value newline":          {with(func(p *point) { p.tagValue = "a\nb" }), lineproto.ErrNewline},
		"tag value backslash last":   {with(func(p *point) { p.tagValue = `a\` }), lineproto.ErrBackslash},
		"tag value \\space":          {with(func(p *point) { p.tagValue, p.str = `a\ \,b`, "x\ny" }), lineproto.ErrBackslash},
		"field key empty":            {with(func(p *point) { p.fieldKey = "" }), lineproto.ErrEmpty},
		"field key newline":          {with(func(p *point) { p.fieldKey = "a\nb" }), lineproto.ErrNewline},
		"field key backslash last":   {with(func(p *point) { p.fieldKey = `a\` }), lineproto.ErrBackslash},
		"field key \\comma":          {with(func(p *point) { p.fieldKey = `a\,b` }), lineproto.ErrBackslash},
		"field key \\=":              {with(func(p *point) { p.fieldKey = `a\=b` }), lineproto.ErrBackslash},
		"field key \\quote":          {with(func(p *point) { p.fieldKey = `a\"b` }), lineproto.ErrBackslash},
		"field key \\space":          {with(func(p *point) { p.fieldKey = `a\ b` }), lineproto.ErrBackslash},
		"field key tab first":        {with(func(p *point) { p.fieldKey = "\ta" }), lineproto.ErrLeading},
		"field key NUL first":        {with(func(p *point) { p.fieldKey = "\x00a" }), lineproto.ErrLeading},
		"NaN":                        {with(func(p *point) { p.f = math.NaN() }), lineproto.ErrNotFinite},
		"infinite":                   {with(func(p *point) { p.f = math.Inf(1) }), lineproto.ErrNotFinite},
		"time too early":             {with(func(p *point) { p.ns = lineproto.MinTime - 1 }), lineproto.ErrTimeOutside},
		"time too late":              {with(func(p *point) { p.ns = lineproto.MaxTime + 1 }), lineproto.ErrTimeOutside},
	} {
		t.Run(name, func(t *testing.T) {
			p := test.point
			if err := p.check(); !errors.Is(err, test.want) {
				t.Fatalf("the check says %v, not %v", err, test.want)
			}
			points, err := parse(append(p.append(nil), "\nzz f=2i 8\n"...))
			if err != nil || len(points) != 2 || string(points[1].Key()) != "zz" {
				return // refused, or a neighbour taken along
			}
			fields, err := points[0].Fields()
			tags := points[0].Tags()
			if err != nil || string(points[0].Name()) != p.measurement || len(tags) != 1 ||
				string(tags[0].Key) != p.tagKey || string(tags[0].Value) != p.tagValue || len(fields) != 5 || fields[p.fieldKey] != p.str ||
				!bytes.Equal(points[0].Key(), models.MakeKey(points[0].Name(), tags)) {
				return
			}
			t.Fatalf("InfluxDB takes %q as it is meant", p.append(nil))
		})
	}
}
