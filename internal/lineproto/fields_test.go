package lineproto

import (
	"fmt"
	"slices"
	"testing"
)

func TestFields(t *testing.T) {
	for line, want := range map[string]string{
		`m f=1 7`:                         `m f:float 7`,
		`m,t=a f=1i,g=2u,h=-0.5,j=1e3 -7`: `m f:integer g:unsigned h:float j:float -7`,
		`a\ b\,c,t=x\ y\,z,u=\"  s="a, b=c \"d\\",b=t 9\r`: `a b,c s:string b:boolean 9`,
		`m a\ b\,c\=d=T,e=false,f="" 1`:                    `m a b,c=d:boolean e:boolean f:string 1`,
		`m f="line one` + "\n" + `two",g=F 3 `:             `m f:string g:boolean 3`,
	} {
		if line[len(line)-1] == 'r' {
			line = line[:len(line)-2] + "\r"
		}
		got := Measurement([]byte(line))
		for key, kind := range Fields([]byte(line)) {
			got += fmt.Sprintf(" %s:%s", key, kind)
		}
		ns, ok := Time([]byte(line))
		if got += fmt.Sprintf(" %d", ns); got != want || !ok {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// If this fails, an accepted line has no measurement, fields or time, or reading them
// runs past its end. tests/influxparser checks that they are what InfluxDB reads.
func FuzzFields(f *testing.F) {
	f.Add([]byte(`a\ b,t=v f="x\"y",g=1i 7`))
	f.Add([]byte("m f=t\r\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		_ = slices.Collect(keys(msg)) // of any line
		_, _ = Time(msg)
		line, _ := NextLine(msg)
		if line.Err != nil || len(line.Bytes) == 0 {
			return
		}
		if Measurement(line.Bytes) == "" || len(slices.Collect(keys(line.Bytes))) == 0 {
			t.Fatalf("%q has no measurement or no fields", line.Bytes)
		}
		if _, ok := Time(line.Bytes); line.Timed() && !ok {
			t.Fatalf("%q has no time", line.Bytes)
		}
	})
}

func keys(line []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range Fields(line) {
			if !yield(key) {
				return
			}
		}
	}
}
