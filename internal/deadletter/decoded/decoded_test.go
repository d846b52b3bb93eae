package decoded

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func sample() tweet.Tweet {
	return tweet.Tweet{ID: []byte("1"), Text: []byte("Hi"), Brand: []byte("SuperCoffee"), Sentiment: tweet.Neutral, Millis: 1_700_000_000_000}
}

func shownAs(r Result) (lines []string) {
	for _, v := range r.Values {
		lines = append(lines, fmt.Sprintf("%d %s=%s", v.From, v.Path, v.Text))
	}
	return lines
}

const wide = `{"type":"record","name":"Post","fields":[{"name":"n","type":"long"},{"name":"flag","type":"boolean"}]}`

// If this fails, whoever looks for the fault of a letter is led to the wrong byte, or
// sees less than there is.
func TestBytesAreDecodedAsFarAsTheyGo(t *testing.T) {
	tw := sample()
	datum := tw.AppendAvro(nil)
	single := tw.AppendSingleObject(nil)
	confluent := append([]byte{0, 0, 0, 0, 7}, datum...)
	avroLines := func(at int) []string {
		return []string{
			fmt.Sprintf("%d id=1", at), fmt.Sprintf("%d text=Hi", at+2), fmt.Sprintf("%d brand=SuperCoffee", at+5),
			fmt.Sprintf("%d sentiment=neutral", at+17), fmt.Sprintf("%d timestamp=1700000000000", at+18),
		}
	}
	registry := func(id uint32) (Schema, error) {
		if id == 7 {
			return tweetSchema(), nil
		}
		return Schema{}, fmt.Errorf("no schema %d", id)
	}
	for _, c := range []struct {
		name    string
		b       []byte
		o       Options
		as      Encoding
		lines   []string
		stopped int
		says    string // in the place and the error
	}{
		{"a tweet", datum, Options{}, Avro, avroLines(0), -1, ""},
		{"a tweet that is cut", datum[:10], Options{}, Avro, avroLines(0)[:2], 5, "brand: the bytes end inside the value"},
		{"a byte too many", append(append([]byte{}, datum...), 1), Options{}, Avro, avroLines(0), len(datum), "bytes follow the value"},
		{"nothing", nil, Options{}, Avro, nil, 0, "id: the bytes end"},
		{"another schema", []byte{2, 1}, Options{Schemas: []Schema{{Text: []byte(wide)}}}, Avro, []string{"0 n=1", "1 flag=true"}, -1, ""},
		{"a schema that is none", datum, Options{Schemas: []Schema{{Text: []byte("{")}}}, Avro, nil, -1, "reading the schema"},
		{"single-object", single, Options{}, SingleObject, append([]string{"2 fingerprint=1dd68c75e4ef9b6c"}, avroLines(10)...), -1, ""},
		{"single-object of an unknown schema", append([]byte{0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8}, datum...), Options{}, SingleObject, []string{"2 fingerprint=0807060504030201"}, 2, "--schema"},
		{"registry", confluent, Options{Registry: registry}, Confluent, append([]string{"1 schema id=7"}, avroLines(5)...), -1, ""},
		{"registry, without one", confluent, Options{}, Confluent, []string{"1 schema id=7"}, 1, "--pipeline"},
		{"registry, with a file", confluent, Options{Schemas: []Schema{tweetSchema()}}, Confluent, append([]string{"1 schema id=7"}, avroLines(5)...), -1, ""},
		{"registry without the schema", append([]byte{0, 0, 0, 0, 8}, datum...), Options{Registry: registry}, Confluent, []string{"1 schema id=8"}, 1, "no schema 8"},
		{"JSON", []byte(` {"a":{"b":[1,"x\n"]},"c":null}`), Options{}, JSON, []string{"12 /a/b/0=1", "14 /a/b/1=x\n", "26 /c=null"}, -1, ""},
		{"JSON that is cut", []byte(`{"a":1,"b":"x`), Options{}, JSON, []string{"5 /a=1"}, 13, "the bytes end inside the value"},
		{"JSON with a fault", []byte(`{"a":1,"b":tru}`), Options{}, JSON, []string{"5 /a=1"}, 14, "/b"},
		{"JSON with a name twice", []byte(`{"a":1,"a":2}`), Options{}, JSON, []string{"5 /a=1"}, 7, "duplicate"},
		{"JSON and more", []byte(`{} {}`), Options{}, JSON, nil, 3, "bytes follow the value"},
		{"a line", []byte(`m,brand=a count=1i,f="x" 5`), Options{Encoding: Line}, Line, []string{"-1 measurement=m", "-1 tag brand=a", "-1 field count=1 (int)", "-1 field f=x (string)", "-1 timestamp=5"}, -1, ""},
		{"a line with a fault", []byte("m count=1i 5\nm count=x 5"), Options{Encoding: Line}, Line, []string{"-1 measurement=m", "-1 field count=1 (int)", "-1 timestamp=5", "-1 measurement=m"}, 21, "the fields"},
		{"no line", []byte("\n"), Options{Encoding: Line}, Line, nil, 0, "there is no line"},
		{"no header of single-object", datum, Options{Encoding: SingleObject}, SingleObject, nil, 0, "C3 01"},
		{"no header of a registry", datum, Options{Encoding: Confluent}, Confluent, nil, 0, "00 and the id"},
	} {
		r := Of(c.b, c.o)
		if diff := cmp.Diff(c.lines, shownAs(r)); diff != "" || r.As != c.as {
			t.Errorf("%s: as %s: %s", c.name, r.As, diff)
		}
		said := ""
		if r.Err != nil {
			said = r.In + ": " + r.Err.Error()
		}
		if r.Stopped != c.stopped || !strings.Contains(said, c.says) || (c.says == "") != (said == "") {
			t.Errorf("%s: stopped at %d, %q; want %d, %q", c.name, r.Stopped, said, c.stopped, c.says)
		}
	}
}

// batch returns a batch of records with these values, from offset 40.
func batch(t testing.TB, values ...string) []byte {
	t.Helper()
	var records []byte
	for i, v := range values {
		body := []byte{0, 0, byte(2 * i), 1} // attributes, timestamp, offset, no key
		body = append(binary.AppendVarint(body, int64(len(v))), v...)
		body = append(body, 0)
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	b := make([]byte, recordbatch.HeaderSize, recordbatch.HeaderSize+len(records))
	binary.BigEndian.PutUint64(b[0:], 40)
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(len(values)-1))
	binary.BigEndian.PutUint64(b[43:], ^uint64(0))
	binary.BigEndian.PutUint16(b[51:], ^uint16(0))
	binary.BigEndian.PutUint32(b[53:], ^uint32(0))
	binary.BigEndian.PutUint32(b[57:], uint32(len(values)))
	b = append(b, records...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	return reseal(b)
}

func reseal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// If this fails, the letter of a record batch shows nothing of it, or not where it is
// broken.
func TestARecordBatchIsDecodedAsFarAsItGoes(t *testing.T) {
	whole := batch(t, "one", "two")
	r := Of(whole, Options{})
	if r.As != RecordBatch || r.Stopped != -1 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	lines := strings.Join(shownAs(r), "\n")
	for _, want := range []string{"0 base offset=40", "23 last offset=41", "57 records=2", "61 record 40=one", "record 41=two"} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is not in:\n%s", want, lines)
		}
	}
	flipped := append([]byte{}, whole...)
	flipped[len(flipped)-2] ^= 1
	shortened := reseal(append(append([]byte{}, whole[:61]...), whole[61], 0, 0, 0, 1, 50, 'o', 'n', 'e', 0)) // a value longer than the batch
	for _, c := range []struct {
		name    string
		b       []byte
		stopped int
		in      string
	}{
		{"another CRC", flipped, 17, "CRC"},
		{"cut", whole[:70], 70, "the batch"},
		{"cut inside the header", whole[:30], 30, "the header"},
		{"bytes follow", append(append([]byte{}, whole...), 1), len(whole), ""},
	} {
		if r := Of(c.b, Options{Encoding: RecordBatch}); r.Stopped != c.stopped || r.In != c.in || r.Err == nil {
			t.Errorf("%s: stopped at %d in %q: %v", c.name, r.Stopped, r.In, r.Err)
		}
	}
	if r := Of(shortened, Options{Encoding: RecordBatch}); r.Err == nil {
		t.Errorf("a broken record is not reported: %+v", r)
	}
}

// If this fails, a letter ends the program, or its page fills the memory.
func FuzzOf(f *testing.F) {
	tw := sample()
	f.Add(tw.AppendAvro(nil), uint8(0))
	f.Add(tw.AppendSingleObject(nil), uint8(0))
	f.Add([]byte(`{"a":[1,{"b":null}]}`), uint8(4))
	f.Add([]byte("m,a=b c=1i 5\n"), uint8(5))
	f.Add([]byte{0, 0, 0, 0, 7, 2}, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, encoding uint8) {
		encodings := Encodings()
		r := Of(b, Options{Encoding: encodings[int(encoding)%len(encodings)]})
		if len(r.Values) > MaxValues || r.Stopped < -1 || r.Stopped > len(b) {
			t.Fatalf("%d values, stopped at %d of %d bytes", len(r.Values), r.Stopped, len(b))
		}
		if r.Stopped >= 0 && r.Err == nil {
			t.Fatalf("stopped at %d without a reason", r.Stopped)
		}
		for _, v := range r.Values {
			if v.From < -1 || v.From > len(b) {
				t.Fatalf("the value %s begins at byte %d of %d", v.Path, v.From, len(b))
			}
		}
	})
}
