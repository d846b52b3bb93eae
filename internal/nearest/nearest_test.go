package nearest

import "testing"

// If this fails, an error suggests a name that was not meant, or none.
func TestName(t *testing.T) {
	names := []string{"influxdb", "kafka_batches", "mapping", "run"}
	for name, want := range map[string]string{
		"influxdb":    "influxdb",
		"influx":      "influxdb", // its beginning
		"inlfuxdb":    "influxdb", // two letters swapped
		"kafka_batch": "kafka_batches",
		"mapings":     "mapping",
		"rnu":         "run",
		"r":           "run",
		"zzzzzzzz":    "",
		"":            "",
	} {
		if got := Name(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := Name("run", nil); got != "" {
		t.Errorf("without any names: %q", got)
	}
}
