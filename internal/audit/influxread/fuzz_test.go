package influxread

import (
	"io"
	"strings"
	"testing"
)

// If this fails, a response of a server, or of another program in its place, crashes
// the audit or returns rows that were not requested.
func FuzzReadChunks(f *testing.F) {
	f.Add(`{"results":[{"series":[{"name":"tweets","tags":{"brand":"Tea"},"columns":["time","count"],"values":[[1,2],[3,null]]}],"partial":true}]}` + "\n" + `{"results":[{}]}`)
	f.Add(`{"results":[{"series":[{"columns":["time","count"],"values":[[null,2],[1]]}]}]}`)
	f.Add(`{"results":[{"error":"x"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		q := query{"tweets", []string{"count"}, true, MinNanos, MaxNanos}
		_ = readChunks(strings.NewReader(body), q, func(r row) error {
			if r.field != 0 {
				t.Errorf("%+v", r)
			}
			return nil
		})
	})
}

func FuzzReadTables(f *testing.F) {
	f.Add("#datatype,string,long,dateTime:RFC3339,long,string,string\r\n#group,false,false,false,false,true,true\r\n#default,_result,,,,,\r\n,result,table,_time,_value,_field,brand\r\n,,0,2026-01-01T00:00:00.000000001Z,2,count,Tea\r\n\r\n")
	f.Add("#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,x,1\r\n")
	f.Add("#datatype,string\n,,\n")
	f.Fuzz(func(t *testing.T, body string) {
		q := query{"tweets", []string{"count"}, true, MinNanos, MaxNanos}
		_ = readTables(io.NopCloser(strings.NewReader(body)), q, func(r row) error {
			if r.field != 0 || r.tags == nil {
				t.Errorf("%+v", r)
			}
			return nil
		})
	})
}
