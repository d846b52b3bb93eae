package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
)

// refusing makes the output reject three folds in ten, whatever happens to the dead
// letters with them. Nothing else does: influxdb and retry try forever, so a nack never
// reaches the input.
var refusing = []string{
	"output.switch.cases.1.check=random_int() % 10 > 2",
	"output.switch.cases.-.output.reject=refused by chance",
}

func refuse(l *faultlab.Lab) {
	members := startMembers(l, 2)
	l.Wait(span(10*time.Second, time.Minute))
	l.Drain()
	for _, m := range members {
		if refused := m.Metric("kafka_batches_nacks"); refused == 0 {
			l.Errorf("no batch of %s was rejected", m)
		} else {
			l.Logf("%s: %.0f batches were rejected", m, refused)
		}
	}
}
