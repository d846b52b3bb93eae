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

// textsStatement asks for the newest tweets with their texts, of some brands or,
// with none, of all. There may be several measurements, with commas.
func textsStatement(measurements string, brands, limit int) string {
	var which strings.Builder
	for i := range brands {
		which.WriteString(map[bool]string{true: " AND (", false: " OR "}[i == 0])
		fmt.Fprintf(&which, `"brand" = $brand%d`, i)
	}
	if brands > 0 {
		which.WriteByte(')')
	}
	return fmt.Sprintf(`SELECT "text", "brand", "sentiment" FROM %s WHERE time >= $from AND time < $to%s ORDER BY time DESC LIMIT %d`, measurements, which.String(), limit)
}
