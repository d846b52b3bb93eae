package influxdb

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// blame is what an answer says about individual lines of its request.
type blame struct {
	lines   []int    // their indexes in the request, ascending
	reasons []string // of each of them; nil: that of the answer
	// certain is true if each of these lines is certainly rejected. Otherwise they are
	// only the first candidates.
	certain bool
}

// all reports whether every one of n lines is certainly rejected.
func (b blame) all(n int) bool { return b.certain && len(b.lines) == n }

// reason returns the reason of line i of b.
func (b blame) reason(i int, d decision) string {
	if i >= len(b.reasons) || b.reasons[i] == "" {
		return d.reason
	}
	return b.reasons[i]
}

// blamed returns the lines that an answer blames: by their numbers, by their text, by a
// field and its type, or by how many are too old. The other lines may be rejected too:
// only 204 means stored. docs/influxdb-answers.md has the answers.
func blamed(d decision, n int, line func(i int) []byte) blame {
	if d.verdict != verdictRejected || d.text == "" || n == 0 {
		return blame{}
	}
	for _, read := range []func(decision, int, func(int) []byte) blame{byNumber, byText, byField, byAge} {
		if b := read(d, n, line); len(b.lines) > 0 {
			return b
		}
	}
	return blame{}
}

// cloudLine is how InfluxDB Cloud lists lines in its message, at most 100.
var cloudLine = regexp.MustCompile(`(?m)^\s*error (?:parsing|writing) line ([0-9]{1,9}) \(1-based\): (.*)$`)

// byNumber reads the line numbers of InfluxDB 3 and Cloud, which count from 1. InfluxDB 3
// truncates or rewrites the text of the line, so the text is not used.
func byNumber(d decision, n int, _ func(int) []byte) blame {
	type entry struct {
		Number  int    `json:"line_number"`
		Message string `json:"error_message"`
	}
	var body struct {
		Data json.RawMessage `json:"data"` // 3: the refused lines, or the first one
		Line int             `json:"line"` // Cloud: the first one
	}
	if json.Unmarshal(d.body, &body) != nil {
		return blame{}
	}
	var entries []entry
	complete := json.Unmarshal(body.Data, &entries) == nil
	if !complete {
		var first entry
		if json.Unmarshal(body.Data, &first) == nil {
			entries = append(entries, first)
		}
		entries = append(entries, entry{Number: body.Line})
		if body.Line > 0 {
			for _, m := range cloudLine.FindAllStringSubmatch(d.text, -1) {
				number, _ := strconv.Atoi(m[1])
				entries = append(entries, entry{number, m[2]})
			}
		}
	}
	reasons := map[int]string{}
	for _, e := range entries {
		if e.Number < 1 || e.Number > n {
			complete = false
			continue
		}
		if message := letter.Clean(e.Message, d.hide); message != "" || reasons[e.Number-1] == "" {
			reasons[e.Number-1] = message
		}
	}
	return named(reasons, complete)
}

// byText reads the lines that InfluxDB 1.8 and 2.x quote if they cannot parse them, each
// followed by the reason.
//
// A line may contain the text that follows the quote, so each possible end is tried. A
// rolling hash keeps that linear: otherwise an answer of many such ends would take
// quadratic time.
func byText(d decision, n int, line func(i int) []byte) blame {
	const before, behind = "unable to parse '", "': "
	if !strings.Contains(d.text, before) {
		return blame{}
	}
	places := make(map[uint64][]int, n)
	for i := range n {
		h := newPrefixHash()
		for _, b := range line(i) {
			h.add(b)
		}
		places[h.sum] = append(places[h.sum], i)
	}
	_, text, _ := strings.Cut(d.text, before)
	reasons := map[int]string{}
	for piece := range strings.SplitSeq(text, before) {
		reason := ""
		h := newPrefixHash()
		for end := range len(piece) - len(behind) + 1 {
			if piece[end] == behind[0] && piece[end:end+len(behind)] == behind {
				for _, i := range places[h.sum] {
					if reasons[i] != "" || string(line(i)) != piece[:end] {
						break // the others are the same line
					}
					if reason == "" {
						reason = letter.Clean(before+strings.TrimRight(piece[:min(len(piece), 16*letter.MaxText)], "\n"), d.hide)
					}
					reasons[i] = reason
				}
			}
			h.add(piece[end])
		}
	}
	return named(reasons, true)
}

// prefixHash is a rolling hash of bytes with a random key per process, so that nobody can
// construct lines with equal hashes.
type prefixHash struct{ sum uint64 }

const prefixModulus = 1<<61 - 1

var prefixKey = rand.Uint64N(prefixModulus-1) + 1

func newPrefixHash() prefixHash { return prefixHash{prefixKey} }

// add multiplies among the integers modulo the prime 2^61-1.
func (h *prefixHash) add(b byte) {
	hi, lo := bits.Mul64(h.sum, prefixKey)
	sum := lo&prefixModulus + (hi<<3 | lo>>61) + uint64(b) + 1
	for sum >= prefixModulus {
		sum -= prefixModulus
	}
	h.sum = sum
}

// named returns a blame of lines with their reasons, in order.
func named(reasons map[int]string, certain bool) blame {
	b := blame{certain: certain}
	for i := range reasons {
		b.lines = append(b.lines, i)
	}
	slices.Sort(b.lines)
	for _, i := range b.lines {
		b.reasons = append(b.reasons, reasons[i])
	}
	return b
}

// byField reads the field with a type conflict. An answer names only the first conflict of
// a request, so there may be others.
func byField(d decision, n int, line func(i int) []byte) blame {
	const before = "field type conflict: input field "
	_, named, found := strings.Cut(d.text, before)
	if !found {
		return blame{}
	}
	type field struct {
		measurement, key string
		kind             lineproto.Type
	}
	meant := map[field]bool{}
	var b blame
	for i := range n {
		measurement := lineproto.Measurement(line(i))
		for key, kind := range lineproto.Fields(line(i)) {
			f := field{measurement, key, kind}
			is, known := meant[f]
			if !known {
				// 1.8 quotes names without escapes, 2.x with those of Go.
				is = strings.HasPrefix(named, fmt.Sprintf(`"%s" on measurement "%s" is type %s,`, key, measurement, kind)) ||
					strings.HasPrefix(named, fmt.Sprintf(`%q on measurement %q is type %s,`, key, measurement, kind))
				meant[f] = is
			}
			if is {
				b.lines = append(b.lines, i)
				break
			}
		}
	}
	count, counted := dropped(d.text)
	b.certain = counted && count == len(b.lines) && count == n
	return b
}

// byAge reads how many points are older than the bucket's retention: they are the oldest
// of the request.
func byAge(d decision, n int, line func(int) []byte) blame {
	if !strings.Contains(d.text, "points beyond retention policy") && !strings.Contains(d.text, "points outside retention policy") {
		return blame{}
	}
	count, counted := dropped(d.text)
	if !counted || count < 1 || count > n {
		return blame{}
	}
	times := make([]int64, n)
	lines := make([]int, n)
	for i := range n {
		times[i], _ = lineproto.Time(line(i))
		lines[i] = i
	}
	slices.SortStableFunc(lines, func(i, j int) int {
		switch {
		case times[i] < times[j]:
			return -1
		case times[i] > times[j]:
			return 1
		}
		return 0
	})
	if count < n && times[lines[count-1]] == times[lines[count]] {
		return blame{} // points of one time are rejected together, so this server works differently
	}
	lines = lines[:count]
	slices.Sort(lines)
	return blame{lines: lines, certain: count == n}
}

var droppedCount = regexp.MustCompile(`\bdropped=([0-9]{1,9})\b`)

// dropped returns the number of rejected points in an answer.
func dropped(text string) (n int, ok bool) {
	m := droppedCount.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}
