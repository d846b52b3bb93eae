package brandview

import (
	"errors"
	"fmt"
	"strings"
)

// maxNameBytes limits the names of brands that are listed. InfluxDB accepts longer
// tags, but none that a person would choose from a list.
const maxNameBytes = 512

// identifier quotes a name for InfluxQL. A measurement is no value, so it cannot
// be a bound parameter.
func identifier(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`, nil
}

// checkName refuses what no tag or measurement can hold, or what the scanner of
// InfluxQL does not read as one name.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is empty")
	case len(name) > maxNameBytes:
		return fmt.Errorf("a name is longer than %d bytes", maxNameBytes)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }):
		return errors.New("a name holds a control character, or is no UTF-8")
	}
	return nil
}

// countsStatement asks for the tweets in windows of some seconds. Its bounds are
// bound parameters, in nanoseconds. InfluxQL and not Flux: Flux of 1.8 and 2.7
// can count a stored point twice.
func countsStatement(measurement string, step int64) string {
	return fmt.Sprintf(`SELECT sum("count") FROM %s WHERE time >= $from AND time < $to GROUP BY time(%ds), "brand", "sentiment" fill(none)`, measurement, step)
}

// textsStatement asks for the newest tweets with their texts. There may be several
// measurements, with commas. All that a viewer enters is a bound parameter.
func textsStatement(measurements string, q textQuery) string {
	where := "time >= $from AND time < $to" + anyOf("brand", len(q.brands)) + anyOf("sentiment", len(q.sentiments))
	for i := range q.words {
		where += fmt.Sprintf(` AND "text" =~ $word%d`, i)
	}
	return fmt.Sprintf(`SELECT "text", "brand", "sentiment" FROM %s WHERE %s ORDER BY time DESC LIMIT %d`, measurements, where, q.limit)
}

// anyOf is the condition that a tag has one of n bound values; none without any.
func anyOf(tag string, n int) string {
	if n == 0 {
		return ""
	}
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf(`"%s" = $%s%d`, tag, tag, i)
	}
	return " AND (" + strings.Join(values, " OR ") + ")"
}
