package lintrule

// Texts that InfluxDB's line protocol cannot carry: the rules of
// lineproto.CheckTagValue and lineproto.CheckMeasurement.
const (
	badTagValue    = `this == "" || this.contains("\n") || this.re_match("""\\( |$)""")`
	badMeasurement = `this == "" || this.contains("\n") || this.re_match("""\\([ ,="]|$)""") || this.re_match("^[#\t\\x00]")`

	tagValue    = "a text without line breaks and without a backslash at its end or before a space, since InfluxDB cannot store it otherwise"
	measurement = "a text without line breaks, without # or a tab at its beginning, and without a backslash at its end or before a space, a comma, an equals sign or a quote, since InfluxDB cannot store it otherwise"
)

// TagValue allows the values of a tag that InfluxDB can store, up to a number of bytes.
func TagValue(field string, most string) string {
	return rule(field, badTagValue+` || this.bytes().length() > `+most, "at most "+most+" bytes, and "+tagValue)
}

// Measurement allows the measurements that InfluxDB can store.
func Measurement(field string) string {
	return rule(field, badMeasurement, measurement)
}

// MeasurementOrNone is Measurement plus the empty text.
func MeasurementOrNone(field string) string {
	return rule(field, `this != "" && (`+badMeasurement+`)`, "empty, or "+measurement)
}
