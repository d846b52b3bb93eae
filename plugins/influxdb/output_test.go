package influxdb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

func conflict(bad ...string) func(string) string {
	return refuse(`field type conflict: input field "f" on measurement "m" is type integer, already exists as type float`, bad...)
}

// refuse refuses some lines for a reason.
func refuse(reason string, bad ...string) func(string) string {
	set := map[string]bool{}
	for _, line := range bad {
		set[line] = true
	}
	return func(line string) string {
		if set[line] {
			return reason
		}
		return ""
	}
}

// TestBatchIsCutOverRequests breaks if a request holds more points or bytes than
// allowed, or if a line is lost where a batch is cut.
func TestBatchIsCutOverRequests(t *testing.T) {
	for name, change := range map[string]func(*config){
		"points": func(c *config) { c.maxPoints = 7 },
		"bytes":  func(c *config) { c.maxBodyBytes = minBodyBytes },
	} {
		t.Run(name, func(t *testing.T) {
			fake := influxfake.New(influxfake.Options{})
			conf := testConfig()
			change(&conf)
			o, _ := startOutput(t, conf, fake, nil)
			lines := linesOf(0, 1000)
			batch := service.MessageBatch{message(lines[:500]...), message(lines[500]), message(lines[501:]...)}
			if err := o.WriteBatch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			mustStore(t, fake, lines)
			for _, r := range fake.Requests() {
				bytes := 0
				for _, line := range r.Lines {
					bytes += len(line) + 1
				}
				if len(r.Lines) > conf.maxPoints || bytes > conf.maxBodyBytes {
					t.Errorf("a request of %d points and %d bytes", len(r.Lines), bytes)
				}
			}
			if n := fake.MostInFlight(); n > conf.requestsInFlight {
				t.Errorf("%d requests at the same time", n)
			}
		})
	}
}

// TestRefusedPointGoesAlone breaks if a refused point takes others of its message
// or batch along, or comes without its origin and reason.
func TestRefusedPointGoesAlone(t *testing.T) {
	for _, version := range []string{influxfake.V1, influxfake.V2} {
		t.Run(version, func(t *testing.T) {
			lines := linesOf(0, 100)
			bad := []string{lines[3], lines[50], lines[51]}
			fake := influxfake.New(influxfake.Options{Version: version, Refuse: conflict(bad...)})
			rejected := &bin{}
			o, _ := startOutput(t, testConfig(), fake, rejected)
			first, second := message(lines[:60]...), message(lines[60:]...)
			first.MetaSetMut("kafka_offset", 17)
			if err := o.WriteBatch(t.Context(), service.MessageBatch{second, first}); err != nil {
				t.Fatal(err)
			}
			mustStore(t, fake, slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(bad, line) }))
			if got := rejected.lines(); !slices.Equal(got, bad) {
				t.Fatalf("refused: %q", got)
			}
			want := map[string]string{influxfake.V1: "400", influxfake.V2: "422"}[version]
			for _, m := range rejected.messages {
				offset, _ := m.MetaGetMut("kafka_offset")
				status, _ := m.MetaGet(contract.InfluxDBStatus)
				reason, _ := m.MetaGet(contract.InfluxDBReason)
				if offset != 17 || status != want || !strings.Contains(reason, "field type conflict") {
					t.Errorf("offset %v, status %q, reason %q", offset, status, reason)
				}
			}
			if _, ok := first.MetaGet(contract.InfluxDBReason); ok {
				t.Error("the message that was handed in has been changed")
			}
		})
	}
}

// TestRejectedOutputIsTriedUntilItHasAll breaks if refused points are lost, or the
// batch is acknowledged, while the output for them fails.
func TestRejectedOutputIsTriedUntilItHasAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := linesOf(0, 10)
		fake := influxfake.New(influxfake.Options{Refuse: conflict(lines...)})
		tries := 0
		rejected := &bin{}
		rejected.fail = func(batch service.MessageBatch) error {
			switch tries++; tries {
			case 1, 2:
				return errors.New("away")
			case 3: // takes all but two
				err := service.NewBatchError(batch, errors.New("partly")).Failed(4, errors.New("no")).Failed(7, errors.New("no"))
				rejected.messages = append(rejected.messages, batch[:4]...)
				rejected.messages = append(rejected.messages, batch[5:7]...)
				rejected.messages = append(rejected.messages, batch[8:]...)
				return err
			}
			return nil
		}
		o, _ := startOutput(t, testConfig(), fake, rejected)
		if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
			t.Fatal(err)
		}
		if got := rejected.lines(); !slices.Equal(got, lines) || tries != 4 {
			t.Fatalf("%d tries, refused: %q", tries, got)
		}
	})
}

// TestRefusedBlocksByDefault breaks if a refused point is lost where nobody has
// said where it shall go: the batch waits, and passes when InfluxDB has been mended.
func TestRefusedBlocksByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := linesOf(0, 10)
		began := time.Now()
		fake := influxfake.New(influxfake.Options{Refuse: func(line string) string {
			if line == lines[4] && time.Since(began) < time.Minute {
				return "points beyond retention policy"
			}
			return ""
		}})
		o, log := startOutput(t, testConfig(), fake, nil)
		if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < time.Minute || took > 80*time.Second {
			t.Errorf("acknowledged after %s", took)
		}
		mustStore(t, fake, lines)
		if text := log.String(); !strings.Contains(text, "beyond retention policy") || !strings.Contains(text, "`rejected`") {
			t.Errorf("the log does not say what to do: %s", text)
		}
	})
}

// TestHopelessBlocksUntilTheStop breaks if a message that can never be a point is
// acknowledged, or turns into a failure when the stream is stopped.
func TestHopelessBlocksUntilTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := startOutput(t, testConfig(), influxfake.New(influxfake.Options{}), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err := o.WriteBatch(ctx, service.MessageBatch{message("nonsense")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

// TestNackNamesMessages breaks if on_reject: nack fails messages without refused
// points, or a message twice.
func TestNackNamesMessages(t *testing.T) {
	lines := linesOf(0, 30)
	fake := influxfake.New(influxfake.Options{Refuse: conflict(lines[11], lines[12])})
	conf := testConfig()
	conf.onReject = onRejectNack
	o, _ := startOutput(t, conf, fake, nil)
	batch := service.MessageBatch{message(lines[:10]...), message(lines[10:20]...), message(lines[20:]...), message("nonsense")}
	index := batch.Index()
	var named *service.BatchError
	if err := o.WriteBatch(t.Context(), batch); !errors.As(err, &named) {
		t.Fatal(err)
	}
	failed := map[int]string{}
	named.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			failed[i] = err.Error()
		}
		return true
	})
	if len(failed) != 2 || !strings.Contains(failed[1], "field type conflict") || !strings.Contains(failed[3], "the line has no") {
		t.Fatalf("failed: %v", failed)
	}
}

// TestStopWhileInfluxDBIsAway breaks if a write hangs in the stop, or is
// acknowledged, failed or counted as refused by it.
func TestStopWhileInfluxDBIsAway(t *testing.T) {
	for name, fault := range map[string]influxfake.Fault{
		"hangs":   {Hang: true},
		"refuses": {Reset: true},
		"busy":    {Status: 503},
		"token":   {Status: 401},
		"proxy":   {Status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault { return fault }})
				rejected := &bin{}
				o, _ := startOutput(t, testConfig(), fake, rejected)
				ctx, stop := context.WithCancel(t.Context())
				errs := make(chan error)
				for i := range 5 {
					go func() { errs <- write(ctx, o, service.MessageBatch{message(linesOf(i*10, i*10+10)...)}) }()
				}
				time.Sleep(20 * time.Second)
				synctest.Wait()
				stopped := time.Now()
				stop()
				for range 5 {
					err := <-errs
					if !errors.Is(err, context.Canceled) {
						t.Errorf("ends with %v", err)
					}
					if named := (*service.BatchError)(nil); errors.As(err, &named) {
						t.Error("names messages")
					}
				}
				if err := o.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if took := time.Since(stopped); took > 0 {
					t.Errorf("took %s", took)
				}
				if len(rejected.messages) > 0 {
					t.Errorf("refused: %q", rejected.lines())
				}
			})
		})
	}
}

// TestCloseEndsWrites breaks if Close waits for InfluxDB, or leaves a caller
// behind whose context goes on.
func TestCloseEndsWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault { return influxfake.Fault{Hang: true} }})
		conf := testConfig()
		conf.timeout = time.Hour
		o, _ := startOutput(t, conf, fake, nil)
		errs := make(chan error)
		go func() { errs <- o.WriteBatch(context.Background(), service.MessageBatch{message(lineOf(1))}) }()
		synctest.Wait()
		if err := o.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; !errors.Is(err, errClosed) {
			t.Fatal(err)
		}
	})
}

// TestRequestThatNobodyWaitsForEnds breaks if points of callers who have left are
// sent for ever.
func TestRequestThatNobodyWaitsForEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := influxfake.New(influxfake.Options{Fault: func(int, []string) influxfake.Fault { return influxfake.Fault{Status: 503} }})
		o, _ := startOutput(t, testConfig(), fake, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := o.WriteBatch(ctx, service.MessageBatch{message(lineOf(1))}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		synctest.Wait()
		n := len(fake.Requests())
		time.Sleep(time.Hour)
		if more := len(fake.Requests()) - n; n < 10 || more > 0 {
			t.Fatalf("%d requests, then %d more", n, more)
		}
	})
}
