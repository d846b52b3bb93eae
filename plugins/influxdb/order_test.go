package influxdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// values is what a server holds at last, by series and time.
type values map[string]string

func (v values) store(line string) {
	parts := strings.Split(line, " ")
	v[parts[0]+" "+parts[2]] = parts[1]
}

func valueLine(series string, value, at int) string {
	return fmt.Sprintf("%s v=%di %d", series, value, at)
}

// TestLaterValueStays is the case of two values for one point, the first of which
// is sent again: it breaks if an older value wins where order is promised. Without
// the promise it does, which shows that the case is one.
func TestLaterValueStays(t *testing.T) {
	for _, test := range []struct {
		name               string
		order              string
		inFlight, requests int
		together           bool // in one message
		want               string
	}{
		{"no order, two batches", orderNone, 256, 2, false, "v=1i"},
		{"no order, one batch", orderNone, 1, 2, true, "v=1i"},
		{"no order, one request, spare ones when it hangs", orderNone, 256, 1, false, "v=1i"},
		{"one after the other", orderNone, 1, 1, true, "v=2i"},
		{"series, two batches", orderSeries, 256, 2, false, "v=2i"},
		{"series, one batch", orderSeries, 1, 2, true, "v=2i"},
		{"series, one request", orderSeries, 256, 1, false, "v=2i"},
	} {
		for _, fault := range []influxfake.Fault{{Status: 500}, {Reset: true}, {Hang: true}, {Status: 401}, {Status: 403, Header: page, Body: "<html>no"}, {Status: 503, Apply: true}} {
			t.Run(fmt.Sprint(test.name, ", ", fault.Status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					held := values{}
					began := time.Now()
					fake := influxfake.New(influxfake.Options{
						OnStore: held.store,
						Fault: func(_ int, lines []string) influxfake.Fault {
							if time.Since(began) < 3*time.Second && slices.Contains(lines, valueLine("m,t=a", 1, 7)) {
								return fault
							}
							return influxfake.Fault{}
						},
					})
					conf := testConfig()
					conf.order, conf.maxInFlight, conf.requestsInFlight = test.order, test.inFlight, test.requests
					conf.maxPoints = 1
					conf.timeout = time.Second
					conf.backoffInitial, conf.backoffMax = 100*ms, time.Second
					o, _ := startOutput(t, conf, fake, nil)
					batches := []service.MessageBatch{{message(valueLine("m,t=a", 1, 7))}, {message(valueLine("m,t=a", 2, 7))}}
					if test.together {
						batches = []service.MessageBatch{{message(valueLine("m,t=a", 1, 7), valueLine("m,t=a", 2, 7))}}
					}
					var wait sync.WaitGroup
					for _, batch := range batches {
						wait.Go(func() {
							if err := write(t.Context(), o, batch); err != nil {
								t.Error(err)
							}
						})
						time.Sleep(10 * ms)
					}
					wait.Wait()
					// The wrong settings stop all, so that even without a promise nothing
					// overtakes.
					stops := fault.Status == 401
					if got := held["m,t=a 7"]; got != test.want && !(stops && got == "v=2i") {
						t.Errorf("%s stays, want %s", got, test.want)
					}
				})
			})
		}
	}
}

// TestWrongBlameReversesNothing breaks if, of two values for one point, the first
// is written last because an answer blames it wrongly.
func TestWrongBlameReversesNothing(t *testing.T) {
	held := values{}
	bad := "m,t=bad w=1i 7"
	fake := influxfake.New(influxfake.Options{
		OnStore: held.store,
		Refuse: func(line string) string {
			if line == bad {
				return `field type conflict: input field "v" on measurement "m" is type integer, already exists as type float`
			}
			return ""
		},
	})
	rejected := &bin{}
	o, _ := startOutput(t, testConfig(), fake, rejected)
	if err := o.WriteBatch(t.Context(), service.MessageBatch{message("m,t=a v=1i 7", bad, "m,t=a v=2 7")}); err != nil {
		t.Fatal(err)
	}
	if got := held["m,t=a 7"]; got != "v=2" || !slices.Equal(rejected.lines(), []string{bad}) {
		t.Errorf("%s stays, refused %q", got, rejected.lines())
	}
}

// TestOrderOfSeries is the law of order: whatever goes wrong on the way, what a
// server holds at last is what it would if each batch had been stored by itself.
func TestOrderOfSeries(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		conf := testConfig()
		conf.rejected = true
		conf.timeout = 50 * ms
		conf.order = rapid.SampledFrom([]string{orderNone, orderSeries, orderSeries}).Draw(r, "order")
		conf.requestsInFlight, conf.maxInFlight = 1, 1
		if conf.order == orderSeries {
			conf.requestsInFlight = rapid.IntRange(1, 4).Draw(r, "requests_in_flight")
			conf.maxInFlight = rapid.SampledFrom([]int{1, 256}).Draw(r, "max_in_flight")
		}
		conf.maxPoints = rapid.IntRange(1, 8).Draw(r, "max_points")
		conf.flushPeriod = 5 * ms
		seed := rapid.Uint64().Draw(r, "seed")
		chance := rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(r, "chance of a fault")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 20).Draw(r, "lines of batches")
		synctest.Test(t, func(*testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			held, want := values{}, values{}
			var mu sync.Mutex
			fault := storm(seed, chance)
			fake := influxfake.New(influxfake.Options{
				OnStore: held.store,
				Fault:   fault,
				Refuse: func(line string) string {
					if strings.Contains(line, "t=bad") {
						return `field type conflict: input field "v" on measurement "m" is type integer, already exists as type float`
					}
					return ""
				},
			})
			o := newOutput(conf, &bin{}, nil, service.MockResources().Metrics())
			o.client.http.Transport = fake
			var wait sync.WaitGroup
			value := 0
			for _, size := range sizes {
				var lines []string
				for range size {
					value++
					series := "m,t=" + []string{"a", "b", "c,u=1", "bad"}[random.IntN(4)]
					line := valueLine(series, value, random.IntN(3))
					lines = append(lines, line)
					if !strings.Contains(series, "bad") {
						mu.Lock()
						want.store(line)
						mu.Unlock()
					}
				}
				send := func() {
					if err := write(context.Background(), o, service.MessageBatch{message(lines...)}); err != nil {
						r.Errorf("writing: %v", err)
					}
				}
				if conf.maxInFlight == 1 {
					send()
					continue
				}
				wait.Go(send)
				synctest.Wait() // it has begun
			}
			wait.Wait()
			if err := o.Close(context.Background()); err != nil {
				r.Error(err)
			}
			for point, value := range want {
				if held[point] != value {
					r.Errorf("%s: %s stays, want %s", point, held[point], value)
				}
			}
		})
	})
}

// TestPointThatWaitsKeepsItsSeriesBehindIt breaks if, where the order matters, a
// line that a gateway does not let through is overtaken, or holds up its request.
func TestPointThatWaitsKeepsItsSeriesBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		held := values{}
		var mu sync.Mutex
		fake := influxfake.New(influxfake.Options{
			OnStore: func(line string) {
				mu.Lock()
				defer mu.Unlock()
				held.store(line)
			},
			Fault: func(_ int, lines []string) influxfake.Fault {
				for _, line := range lines {
					if strings.Contains(line, "v=500i") && time.Since(began) < time.Minute {
						return influxfake.Fault{Status: http.StatusForbidden, Header: page, Body: "<html>no"}
					}
				}
				return influxfake.Fault{}
			},
		})
		conf := testConfig()
		conf.requestsInFlight, conf.maxInFlight = 1, 1
		conf.backoffInitial, conf.backoffMax = 100*ms, 5*time.Second
		o, _ := startOutput(t, conf, fake, nil)
		var lines []string
		for i := range 1000 {
			lines = append(lines, valueLine("m,t="+strconv.Itoa(i%10), i, i%50))
		}
		done := make(chan error)
		go func() { done <- write(t.Context(), o, service.MessageBatch{message(lines...)}) }()
		time.Sleep(30 * time.Second)
		mu.Lock()
		if got := held["m,t=9 49"]; got != "v=999i" {
			t.Errorf("the last value of another series is %s", got)
		}
		mu.Unlock()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if time.Since(began) < time.Minute {
			t.Error("the line was let through")
		}
		for i := 950; i < 1000; i++ {
			point := fmt.Sprintf("m,t=%d %d", i%10, i%50)
			if got, want := held[point], fmt.Sprintf("v=%di", i); got != want {
				t.Errorf("%s: %s stays, want %s", point, got, want)
			}
		}
	})
}

// TestCallerThatLeavesDoesNotStrandThoseBehind breaks if, where the order matters, the
// lines behind one that waits are forgotten when the caller of that one has left.
func TestCallerThatLeavesDoesNotStrandThoseBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := testConfig()
		conf.requestsInFlight, conf.maxInFlight = 1, 1
		fake := influxfake.New(influxfake.Options{})
		o, _ := startOutput(t, conf, fake, nil)
		s := &sender{post: o.client.post, conf: conf, metrics: o.metrics, notes: o.notes, witness: newWitness(), alone: newAlone(conf, o.metrics)}
		leaves, leave := context.WithCancel(t.Context())
		requests := 0
		c := newCommitter(conf, func(r *request) {
			if requests++; requests == 1 {
				time.Sleep(time.Second) // the next two share a request meanwhile
				r.accept(r.all())
				return
			}
			d := delivery{sender: s, r: r, waiting: slices.Clone(r.all())}
			leave()
			synctest.Wait()
			d.behind()
		})
		defer c.close()
		results := make(chan error, 3)
		for i, ctx := range []context.Context{t.Context(), leaves, t.Context()} {
			cl := newCall()
			cl.lines.bucket = conf.bucket
			cl.lines.buf = append(cl.lines.buf, lineOf(i)...)
			cl.lines.add(0)
			cl.turn = c.turn()
			go func() { results <- c.write(ctx, cl) }()
			synctest.Wait()
		}
		var errs []error
		for range 3 {
			select {
			case err := <-results:
				errs = append(errs, err)
			case <-time.After(time.Minute):
				t.Fatal("a caller waits for ever")
			}
		}
		if left := slices.DeleteFunc(errs, func(err error) bool { return err == nil }); requests != 2 || len(left) != 1 || !errors.Is(left[0], context.Canceled) {
			t.Errorf("%d requests, %v", requests, errs)
		}
		mustStore(t, fake, linesOf(2, 3))
	})
}

// TestSeriesOf breaks if lines of one series can get into two lanes.
func TestSeriesOf(t *testing.T) {
	of := func(line string) uint64 { hash, _ := seriesOf([]byte(line)); return hash }
	for _, same := range [][2]string{
		{"m,a=1,b=2 f=1 1", "m,b=2,a=1 f=2,g=3 2"},
		{"m f=1 1", "m g=2"},
		{`m\ n,a=\,\ x f="a b,c" 1`, `m\ n,a=\,\ x g=1 2`},
	} {
		if of(same[0]) != of(same[1]) {
			t.Errorf("%s and %s are one series", same[0], same[1])
		}
	}
	for _, other := range [][2]string{
		{"m,a=1 f=1 1", "m,a=2 f=1 1"}, {"m,a=1 f=1 1", "a=1,m f=1 1"}, {"m f=1 1", "n f=1 1"}, {"m,a=1 f=1 1", "m,a=1,b=2 f=1 1"},
	} {
		if of(other[0]) == of(other[1]) {
			t.Errorf("%s and %s are two series", other[0], other[1])
		}
	}
	if a, b := pointOfLine([]byte(`m,a=1 f="x y" 5`)), pointOfLine([]byte("m,a=1 g=2 5")); a != b {
		t.Error("the fields do not tell points apart")
	}
	if a, b := pointOfLine([]byte("m,a=1 f=1 5")), pointOfLine([]byte("m,a=1 f=1 6")); a == b {
		t.Error("the time does")
	}
}

// FuzzSeriesOf breaks if what is no line is read beyond its end.
func FuzzSeriesOf(f *testing.F) {
	f.Add([]byte(`m,a=\`))
	f.Add([]byte(`m\ n,a=\,\ x f="a b,c" 1`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if _, rest := seriesOf(line); rest < 0 || rest > len(line) || rest < len(line) && line[rest] != ' ' {
			t.Fatal(rest)
		}
		pointOfLine(line)
	})
}

// TestIntoLanes breaks if sorting lines into lanes loses one, changes the order
// within a series, or forgets the message or bucket of a line.
func TestIntoLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cl := newCall()
		lanes := rapid.IntRange(2, 5).Draw(t, "lanes")
		n := rapid.IntRange(0, 60).Draw(t, "lines")
		type placed struct {
			line, bucket string
			message      int32
		}
		want := map[string][]placed{}
		for i := range n {
			series := fmt.Sprintf("m,t=%d", rapid.IntRange(0, 5).Draw(t, "series"))
			cl.lines.bucket = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "bucket")
			line := valueLine(series, i, i)
			cl.lines.buf = append(cl.lines.buf, line...)
			cl.lines.add(i / 3)
			want[series+cl.lines.bucket] = append(want[series+cl.lines.bucket], placed{line, cl.lines.bucket, int32(i / 3)})
		}
		cl.intoLanes(lanes)
		got, laneOf := map[string][]placed{}, map[string]int{}
		from := 0
		for _, r := range cl.lines.runs {
			for i := from; i < r.to; i++ {
				line := cl.lines.line(i)
				series := string(line[:bytes.IndexByte(line, ' ')]) + r.bucket
				got[series] = append(got[series], placed{string(line), r.bucket, cl.lines.from[i]})
				if lane, known := laneOf[series]; known && lane != r.lane {
					t.Fatalf("%s is in lanes %d and %d", series, lane, r.lane)
				}
				laneOf[series] = r.lane
			}
			from = r.to
		}
		for series, lines := range want {
			if !slices.Equal(lines, got[series]) {
				t.Fatalf("%s: got %v, want %v", series, got[series], lines)
			}
		}
		if from != n || cl.lines.len() != n {
			t.Fatalf("%d lines of %d", from, n)
		}
	})
}
