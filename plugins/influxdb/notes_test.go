package influxdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestWrongSettingDisconnects breaks if the stream calls itself ready while its
// points wait for somebody to mend a setting, if it does not try again, or if it
// tries all the time: also where connecting, which sends no points, cannot see
// what is wrong.
func TestWrongSettingDisconnects(t *testing.T) {
	for name, test := range map[string]struct {
		fault      influxfake.Fault
		withPoints bool // requests without points pass
	}{
		"token":                {influxfake.Fault{Status: 401}, false},
		"permission":           {influxfake.Fault{Status: 403}, false},
		"bucket":               {influxfake.Fault{Status: 404, Body: `{"message":"bucket \"bucket\" not found"}`}, false},
		"proxy":                {influxfake.Fault{Status: 404}, false},
		"proxy, with points":   {influxfake.Fault{Status: 200, Body: "hello"}, true},
		"403, but with points": {influxfake.Fault{Status: 403}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				fake := influxfake.New(influxfake.Options{Fault: func(n int, _ []string) influxfake.Fault {
					if time.Since(began) > time.Second && time.Since(began) < time.Minute && (n >= 0 || !test.withPoints) {
						return test.fault
					}
					return influxfake.Fault{}
				}})
				conf := testConfig()
				conf.backoffInitial, conf.backoffMax = 100*ms, 5*time.Second
				o, log := startOutput(t, conf, fake, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				if err := connect(ctx, o); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				batch := service.MessageBatch{message(lineOf(1))}
				var away time.Duration // while connecting
				for {
					err := o.WriteBatch(ctx, batch)
					if err == nil {
						break
					}
					if !errors.Is(err, service.ErrNotConnected) {
						t.Fatal(err)
					}
					since := time.Now()
					if err := connect(ctx, o); err != nil {
						t.Fatal(err)
					}
					away += time.Since(since)
				}
				took := time.Since(began)
				if took < time.Minute || took > 70*time.Second {
					t.Errorf("stored after %s", took)
				}
				if away < 50*time.Second {
					t.Errorf("not ready for %s of a minute", away)
				}
				if n := len(fake.Requests()); n > 20 {
					t.Errorf("tried %d times in a minute", n)
				}
				mustStore(t, fake, []string{lineOf(1)})
				if text := log.String(); !strings.Contains(text, "No data is lost; the stream waits") || !strings.Contains(text, "accepts points again") {
					t.Errorf("log: %s", text)
				}
			})
		})
	}
}

// TestNeighboursOfAWrongSetting breaks if a caller whose points share a request
// with others is forgotten when the request is given up, or if one that is done is
// told of an error of a later one.
func TestNeighboursOfAWrongSetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := influxfake.New(influxfake.Options{Fault: func(n int, lines []string) influxfake.Fault {
			return influxfake.Fault{Delay: 10 * ms, Status: map[bool]int{true: 401}[n%2 == 1]}
		}})
		conf := testConfig()
		conf.requestsInFlight = 1
		o, _ := startOutput(t, conf, fake, nil)
		results := make(chan error)
		for i := range 50 {
			go func() {
				for j := range 4 {
					if err := write(t.Context(), o, service.MessageBatch{message(lineOf(10*i + j))}); err != nil {
						results <- err
						return
					}
				}
				results <- nil
			}()
		}
		for range 50 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		var want []string
		for i := range 50 {
			want = append(want, linesOf(10*i, 10*i+4)...)
		}
		mustStore(t, fake, want)
	})
}

// TestRefusalsAreLoggedWithTheirPlace breaks if whoever searches the log for a
// partition, a bucket or a reason has to take a sentence apart.
func TestRefusalsAreLoggedWithTheirPlace(t *testing.T) {
	var out bytes.Buffer
	log := service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&out, nil)))
	o := newOutput(testConfig(), nil, log, nil)
	defer o.Close(t.Context())
	m := message(lineOf(1))
	for name, value := range map[string]any{"kafka_topic": "tweets", "kafka_partition": 3, "kafka_offset": 1723} {
		m.MetaSetMut(name, value)
	}
	o.logOf(service.MessageBatch{message(lineOf(0)), m}, refusal{message: 1, bucket: "a", status: 422, class: classRetention}).Error("refused")
	o.notes.failure(decision{verdict: verdictMisconfigured, status: 401, reason: "unauthorized"}, about{bucket: "b", points: 5}, 0)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []map[string]string{
		{"component": Name, "topic": "tweets", "partition": "3", "offset": "1723", "bucket": "a", "status": "422", "reason": classRetention},
		{"component": Name, "bucket": "b", "status": "401", "verdict": "misconfigured"},
	} {
		var got map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		for field, value := range want {
			if got[field] != value {
				t.Errorf("%s is %v, want %v: %s", field, got[field], value, lines[i])
			}
		}
	}
}

// TestStandstillNamesItsFirstPoint breaks if the log line of a standstill does not say
// which points it is about, where they are not from Kafka.
func TestStandstillNamesItsFirstPoint(t *testing.T) {
	fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault { return influxfake.Fault{Status: 403} }})
	o, log := startOutput(t, testConfig(), fake, nil)
	if err := o.WriteBatch(t.Context(), service.MessageBatch{raw("first f=1i 1700000000000000000\nsecond f=1i 1700000000000000000")}); !errors.Is(err, service.ErrNotConnected) {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "Posting 2 points") || !strings.Contains(text, "from message 1 of a batch of 1 on, the first of which begins") || !strings.Contains(text, "first f=1i 17") {
		t.Errorf("log: %s", text)
	}
}

// TestProxyThatIsNotThere breaks if InfluxDB is blamed for a proxy that is down.
func TestProxyThatIsNotThere(t *testing.T) {
	for reason, want := range map[string]string{
		`Post "http://i:8086/write": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused`:                      "correct proxy_url",
		`Post "http://i:8086/write": socks connect tcp 127.0.0.1:1->i:8086: dial tcp 127.0.0.1:1: connect: connection refused`: "correct proxy_url",
		`Post "http://i:8086/write": dial tcp 127.0.0.1:1: connect: connection refused`:                                        "start InfluxDB, or correct url",
	} {
		if got := fixOf(decision{reason: reason}, testConfig()); !strings.Contains(got, want) {
			t.Errorf("%s: %q", reason, got)
		}
	}
}
