package lintrule

// What InfluxDB's line protocol cannot carry: the rules of lineproto.CheckTagValue
// and lineproto.CheckMeasurement.
const (
	badTagValue    = `this == "" || this.contains("\n") || this.re_match("""\\( |$)""")`
	badMeasurement = `this == "" || this.contains("\n") || this.re_match("""\\([ ,="]|$)""") || this.re_match("^[#\t\\x00]")`

	tagValue    = "a text without a line break, that does not end in a backslash and has none before a space: InfluxDB cannot hold it otherwise"
	measurement = "a text without a line break, that does not begin with # or a tab, nor end in a backslash or have one before a space, a comma, an equals sign or a quote: InfluxDB cannot hold it otherwise"
)

// TagValue allows the values of a tag that InfluxDB can hold, up to a number of
// bytes.
func TagValue(field string, most string) string {
	return rule(field, badTagValue+` || this.bytes().length() > `+most, "at most "+most+" bytes, and "+tagValue)
}

// Measurement allows the measurements that InfluxDB can hold.
func Measurement(field string) string {
	return rule(field, badMeasurement, measurement)
}

// MeasurementOrNone is Measurement that allows the empty text, too.
func MeasurementOrNone(field string) string {
	return rule(field, `this != "" && (`+badMeasurement+`)`, "empty, or "+measurement)
}
