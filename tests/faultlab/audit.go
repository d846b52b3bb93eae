package faultlab

// Audit lets the program itself compare Kafka with InfluxDB, by `audit`.
func (l *Lab) Audit() {
	l.Helper()
}
