package sentimentwindow

import (
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

var (
	metricSchemaWaits = declared.Gauge("sentiment_window_schema_waiting_seconds", "seconds",
		"how long records have been waiting for a schema that the registry does not return; 0 once it is known or no record needs it",
		metric.Of("schema", "id of the schema; `other` beyond 100 of them"))
)

// schemaMetrics report which schemas are missing.
type schemaMetrics struct {
	waits     *service.MetricGauge
	postponed *service.MetricCounter

	// labelled are the ids with their own label. A hostile producer chooses the number
	// of ids, and labels are never removed.
	labelled map[int]bool
	other    time.Duration // the longest wait of the other ids
}

const (
	maxSchemaLabels  = 100
	otherSchemaLabel = "other"
)

func newSchemaMetrics(m *service.Metrics, postponed *service.MetricCounter) *schemaMetrics {
	return &schemaMetrics{waits: metricSchemaWaits.New(m), postponed: postponed, labelled: map[int]bool{}}
}

// missing shows how long a schema has been missing. shown must be called after all of
// them. The mutex of the cache must be held for all methods.
func (m *schemaMetrics) missing(id int, waited time.Duration) {
	if !m.labelled[id] {
		if len(m.labelled) >= maxSchemaLabels {
			m.other = max(m.other, waited)
			return
		}
		m.labelled[id] = true
	}
	m.waits.SetFloat64(waited.Seconds(), strconv.Itoa(id))
}

func (m *schemaMetrics) shown() {
	if len(m.labelled) >= maxSchemaLabels {
		m.waits.SetFloat64(m.other.Seconds(), otherSchemaLabel)
	}
	m.other = 0
}

// found ends the wait for a schema.
func (m *schemaMetrics) found(id int) {
	if m.labelled[id] {
		m.waits.SetFloat64(0, strconv.Itoa(id))
	}
}
