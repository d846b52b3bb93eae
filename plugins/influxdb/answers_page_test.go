package influxdb

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

var updatePage = flag.Bool("update", false, "write the tables of docs/influxdb-answers.md")

// TestAnswersPageIsFresh breaks if docs/influxdb-answers.md differs from the recorded
// responses, or from what the output makes of them. Its tables are generated from
// testdata; the prose around them is written by hand.
func TestAnswersPageIsFresh(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "influxdb-answers.md")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	used := map[string]bool{}
	fresh := table.ReplaceAllStringFunc(page, func(s string) string {
		name := table.FindStringSubmatch(s)[1]
		used[name] = true
		made, ok := answerTables(t)[name]
		if !ok {
			t.Errorf("there is no table %q", name)
			return s
		}
		return "<!-- table: " + name + " -->\n" + made + "<!-- end -->"
	})
	for name := range answerTables(t) {
		if !used[name] {
			t.Errorf("table %q is not on the page", name)
		}
	}
	if fresh == page {
		return
	}
	if !*updatePage {
		t.Fatal("docs/influxdb-answers.md is stale: go test ./plugins/influxdb -run AnswersPage -update")
	}
	if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
		t.Fatal(err)
	}
}

var table = regexp.MustCompile(`(?s)<!-- table: ([^\n]+) -->\n.*?<!-- end -->`)

// answerTables are the tables by name: "/api/v2/write, kind" for the recorded responses,
// with both servers side by side, "/write" for those that differ there, "limits",
// "3: endpoint" for InfluxDB 3, and "Cloud".
func answerTables(t *testing.T) map[string]string {
	t.Helper()
	tables := map[string]string{}
	v1, v2 := readAnswers(t, influxfake.V1), readAnswers(t, influxfake.V2)
	kept1, kept2 := keptOf(v1), keptOf(v2)
	for _, e := range both(v1, v2) {
		i, j := find(v1, e), find(v2, e)
		name, label := e.Path()+", "+e.Kind, e.Name
		switch {
		case e.Kind == "setup":
			continue
		case e.Kind == "server":
			name, label = "server", "`"+e.Path()+"`, "+e.Name
		case e.Path() == "/write":
			if name = "/write"; sameAtV2(v1, i) && sameAtV2(v2, j) {
				continue
			}
		}
		if tables[name] == "" {
			tables[name] = row("Request", "1.8.10", "2.7.12", "Verdict") + row("---", "---", "---", "---")
		}
		cell1, cell2 := cell(v1, kept1, i), cell(v2, kept2, j)
		tables[name] += row(label, cell1, likeFirst(cell1, cell2), outcomesOf(v1, i, v2, j))
	}
	limits := readAnswers(t, influxfake.V1+"-limits")
	kept := keptOf(limits)
	tables["limits"] = row("Request", "1.8.10", "Verdict") + row("---", "---", "---")
	for i, e := range limits {
		if e.Kind != "setup" {
			tables["limits"] += row(e.Name, cell(limits, kept, i), outcomeOf(e))
		}
	}
	tables["2.0 to 2.6"] = row("Case", "Response", "Verdict") + row("---", "---", "---")
	older := readAnswers(t, "2-documented")
	for i, e := range older {
		tables["2.0 to 2.6"] += row(e.Name, cell(older, nil, i), outcomeOf(e))
	}
	documented := readAnswers(t, "3-documented")
	for i, e := range documented {
		name := "3: " + e.Path()
		if e.Kind == "server" && e.Path() != "/api/v2/write" {
			continue // no write
		}
		if strings.HasPrefix(e.Name, "Cloud") {
			name = "Cloud"
		}
		if tables[name] == "" {
			tables[name] = row("Case", "Response", "Stored", "Verdict") + row("---", "---", "---", "---")
		}
		stores := e.Answer.Stores
		if stores == "" {
			stores = "nothing"
			if e.Answer.Status >= 500 {
				stores = "unknown"
			}
		}
		tables[name] += row(e.Name, cell(documented, nil, i), stores, outcomeOf(e))
	}
	return tables
}

// sameAtV2 reports whether the same request to /api/v2/write has the same status and
// verdict.
func sameAtV2(exchanges []influxfake.Exchange, i int) bool {
	if i < 0 {
		return true
	}
	e := exchanges[i]
	e.Endpoint = ""
	j := find(exchanges, e)
	return j >= 0 && exchanges[j].Answer.Status == e.Answer.Status && outcomeOf(exchanges[j]) == outcomeOf(exchanges[i])
}

// likeFirst is the second of two cells, without a text that the first has as well.
func likeFirst(first, second string) string {
	_, text1, _ := strings.Cut(first, "<br>")
	status, text2, found := strings.Cut(second, "<br>")
	if found && text1 == strings.Replace(text2, "`… ", "`", 1) {
		return status + "<br>the same text"
	}
	return second
}

// both is the questions of either file, in the order of the first, those that the
// second alone has behind those of their kind.
func both(v1, v2 []influxfake.Exchange) []influxfake.Exchange {
	all := slices.Clone(v1)
	for _, e := range v2 {
		if find(v1, e) < 0 {
			all = append(all, e)
		}
	}
	return all
}

func find(exchanges []influxfake.Exchange, e influxfake.Exchange) int {
	return slices.IndexFunc(exchanges, func(x influxfake.Exchange) bool { return x.Name == e.Name && x.Path() == e.Path() })
}

// keptOf is, for each question with points of its own, how many of those of the
// first measurement were stored that had not been there.
func keptOf(exchanges []influxfake.Exchange) []string {
	held := map[string]int{}
	kept := make([]string, len(exchanges))
	for i, e := range exchanges {
		bucket := e.Bucket + e.DB
		measurement := e.Measurement()
		if measurement == "" || measurement == "#" || bucket == "" || e.Kind == "server" {
			continue
		}
		sent := 0
		for _, point := range e.Points {
			if one := (influxfake.Exchange{Points: []string{point}}); one.Measurement() == measurement {
				sent++
			}
		}
		key := bucket + "\x00" + measurement
		kept[i] = fmt.Sprintf(", stored %d of %d", e.Answer.Stored-held[key], sent)
		held[key] = e.Answer.Stored
		for _, point := range e.Points {
			if one := (influxfake.Exchange{Points: []string{point}}).Measurement(); one != measurement && e.Answer.Status == 204 {
				held[bucket+"\x00"+one]++
			}
		}
	}
	return kept
}

// cell is an answer.
func cell(exchanges []influxfake.Exchange, kept []string, i int) string {
	if i < 0 {
		return ""
	}
	a := exchanges[i].Answer
	text := strconv.Itoa(a.Status)
	if kept != nil {
		text += kept[i]
	}
	if value := a.Header["Retry-After"]; value != "" {
		text += ", Retry-After: " + value
	}
	if words := wordsOf(a.Body); words != "" {
		text += "<br>`" + words + "`"
	}
	return text
}

// wordsOf is what a body says, shortened: of 1.8 and 2.x the message, since the
// rest is always the same.
func wordsOf(body string) string {
	var known struct {
		Code, Message, Error string
		Line                 *int
		Data                 json.RawMessage
		Status               string
	}
	if json.Unmarshal([]byte(body), &known) == nil && known.Line == nil && known.Data == nil && known.Status == "" {
		if words := known.Message + known.Error; words != "" {
			body = words
		}
	}
	body = strings.Join(strings.Fields(strings.ReplaceAll(body, "\n", ` \n `)), " ")
	body = strings.ReplaceAll(body, "failure writing points to database: partial write: ", "… partial write: ")
	body = oldestAndNewest.ReplaceAllString(body, " …$1")
	const most = 360
	if runes := []rune(body); len(runes) > most {
		body = string(runes[:most-60]) + " … " + string(runes[len(runes)-50:])
	}
	return strings.ReplaceAll(body, "`", "'")
}

// oldestAndNewest is what 2.7 adds about the points beyond retention.
var oldestAndNewest = regexp.MustCompile(` - oldest point .*( dropped=\d+) for database: .*`)

// outcomesOf is what the output does with the answers of both servers, once when
// it is the same.
func outcomesOf(v1 []influxfake.Exchange, i int, v2 []influxfake.Exchange, j int) string {
	if i < 0 {
		return outcomeOf(v2[j])
	}
	first := outcomeOf(v1[i])
	if j < 0 || outcomeOf(v2[j]) == first {
		return first
	}
	return first + " / " + outcomeOf(v2[j])
}

func row(cells ...string) string {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}
