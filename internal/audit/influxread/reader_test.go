package influxread

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fakeServer responds to queries of one measurement as InfluxDB does, and returns some
// rows more than once as Flux can.
type fakeServer struct {
	version string
	rows    []fakeRow
	repeat  *rand.Rand // nil: every row once
	queries int
}

type fakeRow struct {
	tags  map[string]string
	field string
	nanos int64
	value int64
}

var (
	ofInfluxQL = regexp.MustCompile(`time >= (-?\d+) AND time (<=?) (-?\d+) GROUP BY \*$`)
	ofFlux     = regexp.MustCompile(`start: time\(v: (-?\d+)\), stop: time\(v: (-?\d+)\)`)
)

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Influxdb-Version", s.version)
	switch r.URL.Path {
	case "/ping":
		w.WriteHeader(http.StatusNoContent)
	case "/query":
		s.queries++
		m := ofInfluxQL.FindStringSubmatch(r.FormValue("q"))
		to := number(m[3])
		if m[2] == "<=" {
			to++
		}
		s.influxQL(w, s.between(number(m[1]), to))
	case "/api/v2/query":
		s.queries++
		var body struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		m := ofFlux.FindStringSubmatch(body.Query)
		tables := s.between(number(m[1]), number(m[2])+1) // as 1.8.10 does
		if !strings.Contains(body.Query, "yield(") {
			s.flux(w, "_result", tables)
			return
		}
		for result, carriage := range map[string]bool{resultPlain: false, resultEscaped: true} {
			s.flux(w, result, slices.DeleteFunc(slices.Clone(tables), func(table []fakeRow) bool {
				return strings.Contains(table[0].tags["brand"], "\r") != carriage
			}))
		}
	}
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// between returns the rows by series and field, in the order of time.
func (s *fakeServer) between(from, to int64) [][]fakeRow {
	tables := map[string][]fakeRow{}
	for _, r := range s.rows {
		if r.nanos >= from && r.nanos < to {
			tables[keyOf(r.tags)+r.field] = append(tables[keyOf(r.tags)+r.field], r)
		}
	}
	var all [][]fakeRow
	for _, key := range slices.Sorted(maps.Keys(tables)) {
		table := tables[key]
		slices.SortFunc(table, func(a, b fakeRow) int { return cmp.Compare(a.nanos, b.nanos) })
		if s.repeat != nil { // repeats a part of the table
			i := s.repeat.IntN(len(table))
			table = slices.Concat(table[:i], table[s.repeat.IntN(i+1):])
		}
		all = append(all, table)
	}
	return all
}

func (s *fakeServer) influxQL(w http.ResponseWriter, tables [][]fakeRow) {
	type series struct {
		Name    string            `json:"name"`
		Tags    map[string]string `json:"tags"`
		Columns []string          `json:"columns"`
		Values  [][]*int64        `json:"values"`
		Partial bool              `json:"partial,omitempty"`
	}
	type result struct {
		Series  []series `json:"series,omitempty"`
		Partial bool     `json:"partial,omitempty"`
	}
	if len(tables) == 0 {
		fmt.Fprintln(w, `{"results":[{"statement_id":0}]}`)
	}
	for i, table := range tables {
		var values [][]*int64
		for _, r := range table {
			values = append(values, []*int64{&r.nanos, &r.value})
		}
		_ = json.NewEncoder(w).Encode(map[string][]result{"results": {{
			Series:  []series{{Name: "tweets", Tags: table[0].tags, Columns: []string{"time", table[0].field}, Values: values}},
			Partial: i < len(tables)-1,
		}}})
	}
}

// flux writes a result as the server does, whose CSV writer drops carriage returns.
func (s *fakeServer) flux(w http.ResponseWriter, result string, tables [][]fakeRow) {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	escape := strings.NewReplacer()
	if result == resultEscaped {
		escape = strings.NewReplacer(`\`, `\\`, "\r", `\r`)
	}
	for i, table := range tables {
		names := slices.Sorted(maps.Keys(table[0].tags))
		types := []string{"#datatype", "string", "long", "dateTime:RFC3339", "long", "string"}
		groups := []string{"#group", "false", "false", "false", "false", "true"}
		defaults := []string{"#default", result, "", "", "", ""}
		header := []string{"", "result", "table", "_time", "_value", "_field"}
		for _, name := range names {
			types, groups, defaults = append(types, "string"), append(groups, "true"), append(defaults, "")
			header = append(header, name)
		}
		for _, line := range [][]string{types, groups, defaults, header} {
			_ = c.Write(line)
		}
		for _, r := range table {
			line := []string{"", "", strconv.Itoa(i), time.Unix(0, r.nanos).UTC().Format(time.RFC3339Nano), strconv.FormatInt(r.value, 10), r.field}
			for _, name := range names {
				line = append(line, escape.Replace(r.tags[name]))
			}
			_ = c.Write(line)
		}
		c.Flush()
		fmt.Fprint(w, "\r\n")
	}
}

func open(t testing.TB, handler http.Handler, change func(*Options)) *Reader {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o := Options{URL: server.URL, Org: "o", Bucket: "b", Token: "secret-token", Measurement: "tweets", Coverage: "brandpulse_batches"}
	if change != nil {
		change(&o)
	}
	r, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// If this fails, a point at the boundary of two slices is read twice or never, or one
// that the server returns twice is counted twice.
func TestEachPointOnce(t *testing.T) {
	var server *fakeServer
	address := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	defer address.Close()
	rapid.Check(t, func(rt *rapid.T) {
		brands := []string{"Tea", "T\rea", `T\rea`, "T\\\rea", "\r", `Co"ffee, "x"`, "Tee \\ Kanne", "ü", "\t#datatype", " \u0085\u2028"}
		server = &fakeServer{
			version: rapid.SampledFrom([]string{"1.8.10", "v2.7.12"}).Draw(rt, "version"),
			repeat:  rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "repeat"), 0)),
		}
		want := map[Point]bool{}
		type place struct {
			brand, other string
			nanos        int64
		}
		used := map[place]bool{}
		for range rapid.IntRange(0, 30).Draw(rt, "points") {
			nanos := rapid.OneOf(rapid.Int64Range(-5, 40), rapid.SampledFrom([]int64{MinNanos, MaxNanos - 1, 1_700_000_000_123_456_789})).Draw(rt, "nanos")
			p := Point{Brand: rapid.SampledFrom(brands).Draw(rt, "brand"), Sentiment: "positive", Nanos: nanos, Count: rapid.Int64().Draw(rt, "count")}
			tags := map[string]string{"brand": p.Brand, "sentiment": p.Sentiment}
			if rapid.Bool().Draw(rt, "other") {
				tags["host"], p.Other = "a", "host=a"
			}
			if used[place{p.Brand, p.Other, nanos}] {
				continue
			}
			used[place{p.Brand, p.Other, nanos}] = true
			want[p] = true
			server.rows = append(server.rows, fakeRow{tags, "count", nanos, p.Count})
		}
		// One nanosecond can have eight series, each of them twice.
		r, err := Open(t.Context(), Options{
			URL: address.URL, Bucket: "b", Measurement: "tweets", SliceRows: rapid.IntRange(17, 40).Draw(rt, "rows"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		got := map[Point]bool{}
		err = r.Points(t.Context(), MinNanos, MaxNanos, func(p Point) error {
			if got[p] {
				rt.Errorf("%+v is returned twice", p)
			}
			got[p] = true
			return nil
		})
		if err != nil || !maps.Equal(got, want) {
			rt.Fatalf("%d of %d points, %v", len(got), len(want), err)
		}
	})
}

// If this fails, the points of a large bucket are in memory all at once.
func TestSlicesAreBounded(t *testing.T) {
	server := &fakeServer{version: "1.8.10"}
	for i := range int64(1000) {
		server.rows = append(server.rows, fakeRow{map[string]string{"brand": "Tea", "sentiment": "neutral"}, "count", 1_700_000_000_000_000_000 + i*1e9, 1})
	}
	r := open(t, server, func(o *Options) { o.SliceRows = 20 })
	var points int64
	largest := 0
	err := r.slices(t.Context(), query{"tweets", []string{"count"}, true, MinNanos, MaxNanos}, func(found []cell, _ []map[string]string) error {
		largest = max(largest, len(found))
		points += int64(len(found))
		return nil
	})
	if err != nil || points != 1000 || largest > 20 {
		t.Errorf("%d points, at most %d at once, %v", points, largest, err)
	}
	if server.queries > 300 {
		t.Errorf("%d queries for at least 50 slices: the slices do not follow the data", server.queries)
	}
}

// If this fails, a coverage point that was read in part counts as a whole one.
func TestCoverage(t *testing.T) {
	server := &fakeServer{version: "2.7.12", repeat: rand.New(rand.NewPCG(1, 1))}
	for i, field := range coverageFields {
		server.rows = append(server.rows, fakeRow{map[string]string{"topic": "t"}, field, 1_700_000_000_000_000_003, int64(10 + i)})
		if field != "last" && field != "filtered" { // as older versions wrote it, but for one field
			server.rows = append(server.rows, fakeRow{nil, field, 1_700_000_000_000_000_004, int64(20 + i)})
		}
	}
	r := open(t, server, nil)
	var got []Span
	if err := r.Coverage(t.Context(), func(s Span) error { got = append(got, s); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []Span{
		{Topic: "t", Nanos: 1_700_000_000_000_000_003, Partition: 10, Base: 11, Last: 12, Records: 13, Counted: 14, Undecodable: 15, Filtered: 16},
		{Nanos: 1_700_000_000_000_000_004, Partition: 20, Base: 21, Records: 23, Counted: 24, Undecodable: 25, Missing: []string{"last"}},
	}
	if !slices.EqualFunc(got, want, func(a, b Span) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("%+v", got)
	}
}

// If this fails, an incomplete response counts as complete, or an error shows the
// token.
func TestIncompleteResponsesAreErrors(t *testing.T) {
	for _, c := range []struct{ name, version, answer, want string }{
		{"cut off between lines", "1.8.10", `{"results":[{"series":[{"name":"tweets","columns":["time","count"],"values":[[1,2]]}],"partial":true}]}` + "\n", "ends before"},
		{"empty", "1.8.10", "", "ends before"},
		{"error of the statement", "1.8.10", `{"results":[{"statement_id":0,"error":"database not found: b"}]}`, "database not found"},
		{"error in the middle", "1.8.10", `{"results":[{"series":[{"columns":["time","count"],"values":[[1,2]]}],"partial":true}]}` + "\n" + `{"error":"engine is closed"}`, "engine is closed"},
		{"a float", "1.8.10", `{"results":[{"series":[{"columns":["time","count"],"values":[[1,2.5]]}]}]}`, "not an integer"},
		{"a string", "1.8.10", `{"results":[{"series":[{"columns":["time","count"],"values":[[1,"2"]]}]}]}`, "not an integer"},
		{"other columns", "1.8.10", `{"results":[{"series":[{"columns":["time","sum"],"values":[[1,2]]}],"x":1},{"series":[{"columns":["time"],"values":[[1]]}]}]}`, "columns"},
		{"no JSON", "1.8.10", "<html>", "reading the response"},
		{"a line without end", "1.8.10", `{"results":"` + strings.Repeat("x", maxChunkBytes+1), "longer than"},
		{"error of Flux in the middle", "2.7.12", "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,engine closed,897\r\n", "engine closed"},
		{"a float of Flux", "2.7.12", "#datatype,string,long,dateTime:RFC3339,double,string\r\n#group,false,false,false,false,true\r\n#default,_result,,,,\r\n,result,table,_time,_value,_field\r\n,,0,2026-01-01T00:00:00Z,2,count\r\n", "not an integer"},
		{"a line of Flux without end", "2.7.12", "#datatype," + strings.Repeat("x", maxLineBytes+1), "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Influxdb-Version", c.version)
				if r.URL.Path != "/ping" {
					fmt.Fprint(w, c.answer)
				}
			}), nil)
			err := r.Points(t.Context(), MinNanos, MaxNanos, func(Point) error { return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-token") {
				t.Errorf("%v, and not %q", err, c.want)
			}
		})
	}
}

// If this fails, an audit with the id of an organisation does not see the bucket's
// retention, and reports expired points as missing.
func TestRetentionByNameOrIDOfOrganisation(t *testing.T) {
	const id = "54f063772f164782"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Influxdb-Version", "v2.7.12")
		if r.URL.Path == "/ping" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if query := r.URL.Query(); query.Get("org") != "name" && query.Get("orgID") != id { // as 2.7.12
			http.Error(w, `{"code":"not found"}`, http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"buckets":[{"name":"bucket","retentionRules":[{"type":"expire","everySeconds":7200}]}]}`))
	}))
	defer server.Close()
	for org, want := range map[string]time.Duration{"name": 2 * time.Hour, id: 2 * time.Hour, "0000000000000000": 0} {
		r, err := Open(t.Context(), Options{URL: server.URL, Org: org, Bucket: "bucket", Language: Flux, Measurement: "tweets"})
		if err != nil {
			t.Fatal(err)
		}
		if kept, ok := r.Retention(t.Context()); kept != want || ok != (want > 0) {
			t.Errorf("org %s: %s, %v", org, kept, ok)
		}
	}
}

// If this fails, counts in an unsigned field cannot be read.
func TestUnsignedCounts(t *testing.T) {
	for value, want := range map[string]string{"5": "", "9223372036854775807": "", "9223372036854775808": "not an integer"} {
		r := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Influxdb-Version", "2.7.12")
			if r.URL.Path != "/ping" {
				fmt.Fprint(w, "#datatype,string,long,dateTime:RFC3339,unsignedLong,string\r\n#group,false,false,false,false,true\r\n#default,_result,,,,\r\n,result,table,_time,_value,_field\r\n,,0,2026-01-01T00:00:00Z,"+value+",count\r\n")
			}
		}), nil)
		var got []string
		err := r.Points(t.Context(), MinNanos, MaxNanos, func(p Point) error { got = append(got, fmt.Sprint(p.Count)); return nil })
		if want == "" && (err != nil || !slices.Equal(got, []string{value})) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s is read as %q, %v", value, got, err)
		}
	}
}

// If this fails, the token is sent to another host, or an error shows it.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was asked, with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	_, err := Open(t.Context(), Options{URL: server.URL, Bucket: "b", Token: "secret-token"})
	if err == nil || !strings.Contains(err.Error(), "not followed") || strings.Contains(err.Error(), "secret-token") {
		t.Error(err)
	}
}

// If this fails, the message about a wrong setting does not name it.
func TestSettingsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{URL: "localhost:8086", Bucket: "b"}, "http://"},
		{Options{URL: "http://user:secret-token@x:1", Bucket: "b"}, "token instead"},
		{Options{URL: "user:secret-token@x:1", Bucket: "b"}, "http://"},
		{Options{URL: "http://x:1"}, "bucket"},
		{Options{URL: "http://secret-token\x7f:1", Bucket: "b"}, "not a URL"},
		{Options{URL: "http://127.0.0.1:1", Bucket: "b"}, "InfluxDB at http://127.0.0.1:1"},
	} {
		if _, err := Open(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%+v: %v", c.o.URL, err)
		}
	}
}

// If this fails, a name with a quote changes the meaning of a query.
func TestNamesInQueries(t *testing.T) {
	q := query{`a"b\c`, []string{"count"}, false, 1, 2}
	if got := statement(q); got != `SELECT "count" FROM "a\"b\\c" WHERE time >= 1 AND time < 2 GROUP BY *` {
		t.Error(got)
	}
	if got := script(`b"${x}`, q); !strings.HasPrefix(got, `from(bucket: "b\"\${x}")`) || !strings.Contains(got, `r._measurement == "a\"b\\c" and (r._field == "count")`) {
		t.Error(got)
	}
}
