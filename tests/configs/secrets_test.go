package configs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// canary is a token that must be sent to InfluxDB and shown nowhere.
const canary = "canary-f0e1d2c3"

func TestEchoHidesTheToken(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"ingest", "ingest_tweets", "all_in_one"} {
		code, printed := run(t, testenv.Command{
			Args: []string{"echo", "config/" + config + ".yaml"},
			Env:  map[string]string{"INFLUXDB_TOKEN": canary},
		})
		if code != 0 || !strings.Contains(printed, "token:") || strings.Contains(printed, canary) {
			t.Errorf("exit code %d:\n%s", code, printed)
		}
	}
}

// What would break: a token in a log that is sent to somebody for help. The one
// InfluxDB knows the token, takes some points and refuses others; the other one
// does not know it.
func TestRunHidesTheToken(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]string{"right": canary, "wrong": "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kafka := testenv.FakeKafka(t)
			topic := kafka.Topic(t, 1)
			kafka.Produce(t,
				&kgo.Record{Topic: topic, Value: tweetOf(t, "SuperCoffee", "positive", 1_700_000_000_000)},
				&kgo.Record{Topic: topic, Value: tweetOf(t, refusedBrand, "positive", 1_700_000_000_000)},
				&kgo.Record{Topic: topic, Value: []byte("broken")},
			)
			influx := influxfake.New(influxfake.Options{Token: known, Refuse: refuseBrand, Fault: failThrice()})
			url, stop := influx.Listen()
			t.Cleanup(stop)
			program := testenv.Start(t, testenv.Command{Config: "config/ingest.yaml", Env: map[string]string{
				"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "TOPIC": topic, "DEAD_TOPIC": kafka.Topic(t, 1), "CONSUMER_GROUP": "group",
				"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket", "INFLUXDB_TOKEN": canary,
				"LOG_LEVEL": "TRACE",
			}})
			if known == canary {
				committed(t, kafka, "group", topic)
			} else {
				testenv.Eventually(t, time.Minute, "the log says what is wrong", func() error {
					if !strings.Contains(program.Log(t), "token is missing or wrong") {
						return errors.New("it does not")
					}
					return nil
				})
			}
			for _, path := range []string{"/metrics", "/ready", "/version", "/ping", "/debug/config/json", "/benthos/stats"} {
				body, err := program.Get(t.Context(), path)
				if strings.Contains(string(body)+fmt.Sprint(err), canary) {
					t.Errorf("%s shows the token", path)
				}
			}
			if code := program.Stop(t); code != 0 && known == canary {
				t.Errorf("exit code %d", code)
			}
			if strings.Contains(program.Log(t), canary) {
				t.Error("the log shows the token")
			}
		})
	}
}
