package influxdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// blocked is a gateway that has something against lines with "select", and says so
// in its own way.
func blocked(fault influxfake.Fault) func(int, []string) influxfake.Fault {
	return func(_ int, lines []string) influxfake.Fault {
		for _, line := range lines {
			if strings.Contains(line, "select") {
				return fault
			}
		}
		return influxfake.Fault{}
	}
}

var page = http.Header{"Content-Type": {"text/html"}}

// bodyFaults are answers that are about one body, and how the point ends: as a
// dead letter, or waiting alone, where the answer is not a refusal.
var bodyFaults = map[string]struct {
	fault influxfake.Fault
	dead  bool
}{
	"403 with a page":         {influxfake.Fault{Status: 403, Header: page, Body: "<html><body>Request blocked. Incident 4711</body></html>"}, true},
	"403 without a word":      {influxfake.Fault{Status: 403}, true},
	"406":                     {influxfake.Fault{Status: 406, Body: "Not acceptable"}, true},
	"417":                     {influxfake.Fault{Status: 417, Header: page, Body: "<html>Expectation failed</html>"}, true},
	"400 with a page":         {influxfake.Fault{Status: 400, Header: page, Body: "<html>Bad request</html>"}, true},
	"404 with a page":         {influxfake.Fault{Status: 404, Header: page, Body: "<html>Nothing here</html>"}, true},
	"200 with a page":         {influxfake.Fault{Status: 200, Header: page, Body: "<html>Blocked</html>"}, true},
	"302":                     {influxfake.Fault{Status: 302, Header: http.Header{"Location": {"https://blocked.test/?id=1"}}}, true},
	"500 in unknown words":    {influxfake.Fault{Status: 500, Body: `{"code":"internal error","message":"engine: index out of range"}`}, true},
	"500 of a shard in need":  {influxfake.Fault{Status: 500, Body: `{"code":"internal error","message":"shard is disabled"}`}, false},
	"500 of a slow server":    {influxfake.Fault{Status: 500, Header: page, Body: "<html>Upstream Request Timeout</html>"}, false},
	"502":                     {influxfake.Fault{Status: 502, Header: page, Body: "<html>Bad gateway</html>"}, false},
	"503":                     {influxfake.Fault{Status: 503}, false},
	"reset":                   {influxfake.Fault{Reset: true}, false},
	"no answer":               {influxfake.Fault{Hang: true}, false},
	"403 in InfluxDB's words": {influxfake.Fault{Status: 403, Body: `{"code":"forbidden","message":"insufficient permissions for write"}`}, false},
}

// TestBodyFaultIsIsolated breaks if an answer that is about one line, in whatever
// words, stops the lines beside it or those that come later, if it makes a dead
// letter of another one, or of that one in a way that does not say so.
func TestBodyFaultIsIsolated(t *testing.T) {
	for name, test := range bodyFaults {
		if name == "403 in InfluxDB's words" {
			continue // see TestWrongTokenIsNoReasonToDrop
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := influxfake.New(influxfake.Options{Fault: blocked(test.fault)})
				conf := testConfig()
				conf.rejected = true
				conf.backoffInitial, conf.backoffMax = 100*ms, 5*time.Second
				rejected := &bin{}
				o, log := startOutput(t, conf, fake, rejected)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				lines := linesOf(0, 1000)
				poison := `m,t=select f=1i 1700000000000000000`
				lines[700] = poison
				m := message(lines...)
				m.MetaSetMut("kafka_topic", "tweets")
				m.MetaSetMut("kafka_partition", 3)
				m.MetaSetMut("kafka_offset", 1723)
				var first error
				stands := make(chan struct{})
				go func() {
					first = write(ctx, o, service.MessageBatch{m})
					close(stands)
				}()
				// Others go on, and are not held up.
				slowest := time.Duration(0)
				for i := range 600 {
					began := time.Now()
					if err := write(ctx, o, service.MessageBatch{message(lineOf(10_000 + i))}); err != nil {
						t.Fatal(err)
					}
					slowest = max(slowest, time.Since(began))
					time.Sleep(200 * ms)
				}
				if limit := 12 * time.Second; slowest > limit && name != "no answer" {
					t.Errorf("another batch waited for %s", slowest)
				}
				mustStore(t, fake, append(slices.Concat(lines[:700], lines[701:]), linesOf(10_000, 10_600)...))
				text := log.String()
				if test.dead {
					<-stands
					if first != nil {
						t.Error(first)
					}
					if got := rejected.lines(); !slices.Equal(got, []string{poison}) {
						t.Fatalf("refused: %q", got)
					}
					reason, _ := rejected.messages[0].MetaGet(contract.InfluxDBReason)
					if !strings.Contains(reason, "times in ") || !strings.Contains(reason, fmt.Sprint("status ", test.fault.Status)) {
						t.Errorf("reason %q", reason)
					}
				} else {
					select {
					case <-stands:
						t.Errorf("ended: %v, refused %q", first, rejected.lines())
					default:
					}
				}
				if !strings.Contains(text, "retried by itself") || !strings.Contains(text, "topic tweets, partition 3, offset 1723") {
					t.Errorf("log: %s", text)
				}
				cancel()
				<-stands
			})
		})
	}
}

// TestWrongTokenIsNoReasonToDrop breaks if a line is refused for what InfluxDB says
// of token and bucket, or for what passes, however often, while others are stored.
func TestWrongTokenIsNoReasonToDrop(t *testing.T) {
	for name, fault := range map[string]influxfake.Fault{
		"401":                 {Status: 401},
		"401 page":            {Status: 401, Header: page, Body: "<html>Log in</html>"},
		"403":                 bodyFaults["403 in InfluxDB's words"].fault,
		"404":                 {Status: 404, Body: `{"code":"not found","message":"bucket \"bucket\" not found"}`},
		"429":                 {Status: 429},
		"500 and Retry-After": {Status: 500, Header: http.Header{"Retry-After": {"1"}}},
		"timeout":             {Status: 500, Body: `{"code":"internal error","message":"timeout"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := influxfake.New(influxfake.Options{Fault: blocked(fault)})
				conf := testConfig()
				conf.rejected = true
				conf.backoffInitial, conf.backoffMax = 100*ms, time.Second
				rejected := &bin{}
				o, _ := startOutput(t, conf, fake, rejected)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				var wait sync.WaitGroup
				wait.Go(func() {
					err := write(ctx, o, service.MessageBatch{message("m,t=select f=1i 1")})
					if err == nil || ctx.Err() == nil {
						t.Errorf("ended: %v", err)
					}
				})
				time.Sleep(time.Second)
				for i := range 200 {
					_ = write(ctx, o, service.MessageBatch{message(lineOf(i))})
					time.Sleep(300 * ms)
				}
				if got := rejected.lines(); len(got) > 0 {
					t.Errorf("refused: %q", got)
				}
				cancel()
				wait.Wait()
			})
		})
	}
}

// TestServerInTroubleIsNotCutInPieces breaks if an outage makes a request for each
// line, or a dead letter of a good one: whatever the server answers to points while
// it takes requests without.
func TestServerInTroubleIsNotCutInPieces(t *testing.T) {
	for name, test := range bodyFaults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				fake := influxfake.New(influxfake.Options{Fault: func(n int, _ []string) influxfake.Fault {
					if n >= 0 && time.Since(began) > time.Second && time.Since(began) < 5*time.Minute {
						return test.fault
					}
					return influxfake.Fault{}
				}})
				conf := testConfig()
				conf.rejected = true
				conf.backoffInitial, conf.backoffMax = 100*ms, 5*time.Second
				rejected := &bin{}
				o, _ := startOutput(t, conf, fake, rejected)
				var wait sync.WaitGroup
				var want []string
				for i := range 40 {
					lines := linesOf(1000*i, 1000*i+100)
					want = append(want, lines...)
					wait.Go(func() {
						time.Sleep(time.Duration(i) * 100 * ms)
						if err := write(t.Context(), o, service.MessageBatch{message(lines...)}); err != nil {
							t.Error(err)
						}
					})
				}
				wait.Wait()
				mustStore(t, fake, want)
				if got := rejected.lines(); len(got) > 0 {
					t.Errorf("refused: %q", got)
				}
				n := len(fake.Requests())
				t.Logf("%d requests in 5 minutes", n)
				if n > 1000 {
					t.Errorf("%d requests in 5 minutes", n)
				}
				if took := time.Since(began); took > 6*time.Minute {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// TestAloneWithoutOthersSaysWhatStands is a stream with one batch at a time, which
// stands: it breaks if the output calls itself ready, or does not name the record,
// the status and what was answered.
func TestAloneWithoutOthersSaysWhatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := influxfake.New(influxfake.Options{Fault: blocked(bodyFaults["403 with a page"].fault)})
		conf := testConfig()
		conf.maxInFlight = 1
		conf.rejected = true
		conf.backoffInitial, conf.backoffMax = 100*ms, 5*time.Second
		rejected := &bin{}
		o, log := startOutput(t, conf, fake, rejected)
		m := message("m,t=select f=1i 1")
		for name, value := range map[string]any{"kafka_topic": "tweets", "kafka_partition": 3, "kafka_offset": 1723} {
			m.MetaSetMut(name, value)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var failures []string
		for ctx.Err() == nil {
			if err := o.WriteBatch(ctx, service.MessageBatch{m}); !errors.Is(err, service.ErrNotConnected) && ctx.Err() == nil {
				t.Fatal(err)
			}
			for {
				err := o.Connect(ctx)
				var wait *service.ErrBackOff
				if !errors.As(err, &wait) {
					break
				}
				failures = append(failures, err.Error())
				if sleep(ctx, wait.Wait) != nil {
					break
				}
			}
		}
		if len(failures) < 5 || len(rejected.lines()) > 0 {
			t.Errorf("%d failures to connect, refused %q", len(failures), rejected.lines())
		}
		for _, text := range []string{log.String(), strings.Join(failures, "\n")} {
			for _, words := range []string{"topic tweets, partition 3, offset 1723", "status 403", "a web page, not InfluxDB's answer: Request blocked. Incident 4711", "a gateway in between may block"} {
				if !strings.Contains(text, words) {
					t.Errorf("%q is not in %s", words, text)
				}
			}
		}
	})
}

// TestOneCallerTellsOfAnOutage breaks if more than one batch goes back to Benthos
// for a wrong setting: it holds a lock until the first of them is written, and the
// others wait for that one, even if it never is. Or if what was stored of a batch
// before is sent again, or if one that comes back otherwise is waited for.
func TestOneCallerTellsOfAnOutage(t *testing.T) {
	for _, changes := range []bool{false, true} {
		t.Run(fmt.Sprint("changes: ", changes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var down atomic.Bool
				fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault {
					if down.Load() {
						return influxfake.Fault{Status: 401, Delay: 10 * ms}
					}
					return influxfake.Fault{Delay: 10 * ms}
				}})
				conf := testConfig()
				conf.maxPoints = 10
				o, _ := startOutput(t, conf, fake, nil)
				var (
					lock     = make(chan struct{}, 1) // that of Benthos
					told     atomic.Int64
					wait     sync.WaitGroup
					mu       sync.Mutex
					mustHave []string
				)
				began := time.Now()
				go func() {
					time.Sleep(time.Second)
					down.Store(true)
					time.Sleep(10 * time.Second)
					down.Store(false)
				}()
				for i := range 50 {
					wait.Go(func() {
						time.Sleep(time.Duration(i) * 50 * ms)
						lines := linesOf(100*i, 100*i+25)
						err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)})
						if errors.Is(err, service.ErrNotConnected) {
							told.Add(1)
							lock <- struct{}{}
							for errors.Is(err, service.ErrNotConnected) {
								if err = connect(t.Context(), o); err == nil {
									if changes {
										lines = linesOf(100*i+50, 100*i+75)
									}
									err = o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)})
								}
							}
							<-lock
						}
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						defer mu.Unlock()
						mustHave = append(mustHave, lines...)
					})
				}
				wait.Wait()
				if n := told.Load(); n != 1 {
					t.Errorf("%d callers were told", n)
				}
				stored := fake.Stored()
				for _, line := range mustHave {
					if stored[line] == 0 {
						t.Errorf("lost: %s", line)
					}
				}
				if took := time.Since(began); took > 25*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// TestFlappingServerRefusesNothing breaks if a good line becomes a dead letter
// because half of the servers behind a load balancer answer so to everything.
func TestFlappingServerRefusesNothing(t *testing.T) {
	for name, test := range bodyFaults {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 1))
					var mu sync.Mutex
					var storm atomic.Bool
					storm.Store(true)
					fake := influxfake.New(influxfake.Options{Fault: func(n int, _ []string) influxfake.Fault {
						mu.Lock()
						defer mu.Unlock()
						if storm.Load() && n >= 0 && random.IntN(2) == 0 {
							return test.fault
						}
						return influxfake.Fault{Delay: 10 * ms}
					}})
					conf := testConfig()
					conf.rejected = true
					conf.maxPoints = 100
					conf.backoffInitial, conf.backoffMax = 100*ms, 5*time.Second
					rejected := &bin{}
					o, _ := startOutput(t, conf, fake, rejected)
					var wait sync.WaitGroup
					var want []string
					for i := range 60 {
						lines := linesOf(100*i, 100*i+50)
						want = append(want, lines...)
						wait.Go(func() {
							time.Sleep(time.Duration(i) * 500 * ms)
							if err := write(t.Context(), o, service.MessageBatch{message(lines...)}); err != nil {
								t.Error(err)
							}
						})
					}
					time.Sleep(time.Minute)
					storm.Store(false)
					wait.Wait()
					mustStore(t, fake, want)
					if got := rejected.lines(); len(got) > 0 {
						t.Errorf("refused %d, such as %q", len(got), got[0])
					}
				})
			}
		})
	}
}
