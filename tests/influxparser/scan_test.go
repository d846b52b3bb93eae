package influxparser

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/influxdata/influxdb/models"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// arrival is the time that the parser gives to lines without one.
var arrival = time.Unix(0, 123456789123456789)

func parse(b []byte) ([]models.Point, error) {
	return models.ParsePointsWithPrecision(b, arrival, "n")
}

// serverLines cuts msg as models.ParsePointsWithPrecision does before it parses.
func serverLines(msg []byte) [][]byte {
	var lines [][]byte
	for pos := 0; pos < len(msg); pos++ {
		var block []byte
		pos, block = scanLine(msg, pos)
		block = block[skipWhitespace(block, 0):]
		if len(block) > 0 && block[0] != '#' {
			lines = append(lines, block)
		}
	}
	return lines
}

// FuzzNextLine breaks if a message would be cut into other lines here than in
// InfluxDB: then a broken line takes good ones with it, or a refused line that
// is looked for by bisection is never found.
func FuzzNextLine(f *testing.F) {
	for _, seed := range []string{
		"m f=1 1\nm f=2 2\n",
		"m,t=v f=\"a\nb\",g=1i -12\n# c\n\n  \nm f=t",
		"m,t=a\\ b f=\"x\\\"\n\\\\\" 3\r\nm f=1 4\r\n\r\n",
		"m,t=a\\\\ b,u=\\\\,c f=\"x\ny\" 1\n",
		" m=1,t=\"a f=1 1\nm f=1 1\n",
		"m f=\"open 1\nm f=1 1\n",
		"m f=1 1\\\nm f=1 1\n",
		"# \"\\\n\nm time=1,f=1 1\n",
		`m f=1,g=2,f=3 1` + "\n" + `m a\"=1,a"=2 1`,
		"m\\=x,t=\"c f=1 1\nm, f=1\nm,=v f=1\nm,t= f=1\nm f=\nm =1\nm f\nm\n,t=v f=1\n",
		"\x00m f\\=\\\\=1,\"g\"=T 1 \nm f=\"a\"b 1\nm f=1 1 1\nm f=1 9223372036854775807\nm f=1 x",
	} {
		f.Add([]byte(seed))
	}
	const before, behind = "zz f=1i 7\n", "zz f=2i 8\n"
	f.Fuzz(func(t *testing.T, msg []byte) {
		if bytes.Contains(msg, []byte(lineproto.Mark)) {
			t.Skip("see TestMarkMakesATwin")
		}
		want := serverLines(bytes.Clone(msg))
		for rest := msg; ; {
			var line lineproto.Line
			line, rest = lineproto.NextLine(rest)
			if len(line.Bytes) == 0 {
				break
			}
			for len(want) > 0 && string(want[0]) == "\r" {
				want = want[1:] // blank for us, an error for the server
			}
			if len(want) == 0 || !bytes.Equal(line.Bytes, bytes.TrimSuffix(want[0], []byte{'\r'})) {
				t.Fatalf("message %q: line %q (%v), the server goes on with %q", msg, line.Bytes, line.Err, want)
			}
			want = want[1:]
			if line.Err != nil {
				continue
			}
			if again, rest := lineproto.NextLine(line.Bytes); !bytes.Equal(again.Bytes, line.Bytes) || again.Err != nil || len(rest) > 0 {
				t.Fatalf("line %q by itself is read as %q (%v)", line.Bytes, again.Bytes, again.Err)
			}
			alone, err := parse(bytes.Clone(line.Bytes))
			if len(alone) > 1 || (len(alone) == 1) != (err == nil) {
				t.Fatalf("line %q is %d points (%v)", line.Bytes, len(alone), err)
			}
			if err == nil && alone[0].Time().Equal(arrival) == line.Timed() {
				t.Fatalf("line %q has time %v", line.Bytes, alone[0].Time())
			}
			// A point whose key a query cannot make again is lost without a word.
			if err == nil {
				if key := models.MakeKey(alone[0].Name(), alone[0].Tags()); !bytes.Equal(key, alone[0].Key()) {
					t.Fatalf("line %q has key %q, queries look for %q", line.Bytes, alone[0].Key(), key)
				}
			}
			// Of two backslashes in the key of a field the server makes one thing
			// when it looks for its end and another when it reads it.
			if err == nil && !bytes.Contains(line.Bytes, []byte(`\\`)) {
				if got, want := described(line), server(alone[0], line.Timed()); got != want {
					t.Fatalf("line %q is taken for %s, by the server for %s", line.Bytes, got, want)
				}
				// Of a field that comes twice it keeps one.
				if fields, err := alone[0].Fields(); err == nil && len(fields) < fieldsOf(line) {
					t.Fatalf("line %q has %d fields, the server keeps %v", line.Bytes, fieldsOf(line), fields)
				}
			}
			among, err2 := parse([]byte(before + string(line.Bytes) + "\n" + behind))
			if len(among) != len(alone)+2 || (err == nil) != (err2 == nil) ||
				string(among[0].Key()) != "zz" || string(among[len(among)-1].Key()) != "zz" ||
				len(alone) == 1 && among[1].String() != alone[0].String() {
				t.Fatalf("line %q among others: %v (%v), alone: %v (%v)", line.Bytes, among, err2, alone, err)
			}
		}
		for _, line := range want {
			if string(line) != "\r" {
				t.Fatalf("message %q: not found: %q", msg, line)
			}
		}
	})
}

// TestMarkMakesATwin breaks if InfluxDB does not need a byte order mark to be taken
// off before a line.
func TestMarkMakesATwin(t *testing.T) {
	points, err := parse([]byte(lineproto.Mark + "m f=1i 1\n"))
	if err != nil || len(points) != 1 || string(points[0].Name()) != lineproto.Mark+"m" {
		t.Errorf("%v, %v", points, err)
	}
}

func fieldsOf(line lineproto.Line) (n int) {
	for range lineproto.Fields(line.Bytes) {
		n++
	}
	return n
}

// described is what we read in a line.
func described(line lineproto.Line) string {
	text := fmt.Sprintf("%q", lineproto.Measurement(line.Bytes))
	for key, kind := range lineproto.Fields(line.Bytes) {
		text += fmt.Sprintf(" %q %s", key, kind)
	}
	if ns, ok := lineproto.Time(line.Bytes); ok && line.Timed() {
		text += fmt.Sprint(" ", ns)
	}
	return text
}

// server is what InfluxDB reads in it.
func server(p models.Point, timed bool) string {
	kinds := map[models.FieldType]lineproto.Type{
		models.Float: lineproto.Float, models.Integer: lineproto.Integer, models.Unsigned: lineproto.Unsigned,
		models.Boolean: lineproto.Boolean, models.String: lineproto.String,
	}
	text := fmt.Sprintf("%q", p.Name())
	for fields := p.FieldIterator(); fields.Next(); {
		text += fmt.Sprintf(" %q %s", fields.FieldKey(), kinds[fields.Type()])
	}
	if timed {
		text += fmt.Sprint(" ", p.UnixNano())
	}
	return text
}
