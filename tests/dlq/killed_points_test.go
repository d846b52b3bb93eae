package dlq_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// startReplay starts a replay of points.
func startReplay(t *testing.T, c *testenv.Cluster, dead string, bucket *influxd.Database, args ...string) *testenv.Program {
	t.Helper()
	all := append([]string{"dlq", "replay", "--brokers", strings.Join(c.Brokers, ","), "--dead-topic", dead, "--yes"}, into(bucket)...)
	return testenv.Start(t, testenv.Command{Args: append(all, args...)})
}

// outcomes returns how many of these letters are settled, and how many have the mark of a
// line that may be stored.
func outcomes(t *testing.T, c *testenv.Cluster, dead string, letters []*kgo.Record) (settled, intended int) {
	t.Helper()
	set, err := settle.Settled(t.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics()}, dead)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range letters {
		key := keyOf(r)
		if set.Has(key) {
			settled++
		}
		if m, open := set.Unsettled(key); open && m.Outcome == marks.Intended && m.Hash != "" {
			intended++
		}
	}
	return settled, intended
}

// asFixed is a mapping that changes lines, and asOther one that makes other points.
const (
	asFixed = `root = content().string().replace_all("brand=", "brand=Fixed")`
	asOther = `root = content().string().replace_all("brand=", "brand=Other")`
)

// If this fails, a replay that is killed between the mark of a line and the mark that
// settles its letter loses the point, writes another in its place, or cannot be repeated.
func TestAReplayIsKilledWhileInfluxDBHasItsLines(t *testing.T) {
	t.Parallel()
	for _, version := range influxd.Versions {
		for _, step := range []struct {
			name   string
			kind   influxfault.Kind
			stored bool // when it is killed
			late   bool // the request is applied once all is settled
		}{
			{"before InfluxDB has the request", influxfault.Hang, false, false},
			{"while the request is on its way", influxfault.HoldRequest, false, true},
			{"before the answer", influxfault.ApplyHang, true, false},
			{"before it reads the answer", influxfault.HoldAnswer, true, false},
		} {
			t.Run(version+" "+step.name, func(t *testing.T) {
				t.Parallel()
				c := testenv.Kafka(t)
				bucket := testenv.Influx(t, version)
				proxy, through := testenv.FaultyProxy(t, bucket, influxfault.Always(influxfault.Fault{Kind: step.kind}))
				dead := c.Topic(t, 1)
				letters := []*kgo.Record{rejectedPoint(dead, 0, "A", "2i"), rejectedPoint(dead, 10, "B", "3i"), rejectedPoint(dead, 20, "C", "4i")}
				c.Produce(t, letters...)
				fixed := []string{"FixedA=2", "FixedB=3", "FixedC=4"}
				are := func(when string, want ...string) {
					t.Helper()
					if got := pointsOf(t, bucket); !slices.Equal(got, want) {
						t.Errorf("%s stored are %q, not %q", when, got, want)
					}
				}

				p := startReplay(t, c, dead, through, "--fix", asFixed)
				testenv.Eventually(t, 30*time.Second, "the request is at the step", func() error {
					stats := proxy.Stats()
					if step.kind == influxfault.HoldAnswer && stats.Held == 1 || step.kind != influxfault.HoldAnswer && stats.Happened(step.kind) == 1 {
						return nil
					}
					return fmt.Errorf("%+v", stats)
				})
				if step.kind == influxfault.HoldAnswer {
					p.Pause(t) // the answer arrives at the process, which does not see it
					proxy.Release()
					time.Sleep(50 * time.Millisecond)
				}
				p.Kill(t)
				if settled, intended := outcomes(t, c, dead, letters); settled != 0 || intended != len(letters) {
					t.Errorf("after the kill %d letters are settled, and %d have the mark of their line", settled, intended)
				}
				if step.stored {
					are("after the kill", fixed...)
				} else {
					are("after the kill")
				}

				proxy.SetFaults(nil)
				was := pointsOf(t, bucket)
				for _, args := range [][]string{nil, {"--fix", asOther}} { // the line of the letter itself is another one too
					out := replayPoints(t, c, 1, dead, through, args...)
					if !strings.Contains(out, "letter 0:0: another line was written for it by an earlier replay that did not end, and may be stored. Run it again with the --fix of that replay, or settle this letter with dlq drop") {
						t.Errorf("with %q it says\n%s", args, out)
					}
				}
				are("after reruns with other lines", was...)
				out := replayPoints(t, c, 0, dead, through, "--fix", asFixed)
				if !strings.Contains(out, "3 letters settled") {
					t.Errorf("the rerun says\n%s", out)
				}
				are("after the rerun", fixed...)
				if step.late {
					proxy.Release()
					testenv.Eventually(t, 30*time.Second, "the late request is applied", func() error {
						if stats := proxy.Stats(); stats.Stored != 2 {
							return fmt.Errorf("%+v", stats)
						}
						return nil
					})
					are("after the late request", fixed...)
				}
				if settled, intended := outcomes(t, c, dead, letters); settled != len(letters) || intended != 0 {
					t.Errorf("at the end %d letters are settled, and %d have the mark of their line", settled, intended)
				}
				if l := list(t, c, "--dead-topic", dead); l.Letters != 0 {
					t.Errorf("%d letters are still listed", l.Letters)
				}
			})
		}
	}
}

// If this fails, a replay that another one replaces after InfluxDB has its lines settles
// letters beside that one, or the lines are lost or written twice.
func TestAReplayIsFencedWhileInfluxDBHasItsLines(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	bucket := testenv.Influx(t, testenv.InfluxV1)
	proxy, through := testenv.FaultyProxy(t, bucket, influxfault.Always(influxfault.Fault{Kind: influxfault.HoldAnswer}))
	dead := c.Topic(t, 1)
	letters := []*kgo.Record{rejectedPoint(dead, 0, "A", "2i")}
	c.Produce(t, letters...)
	first := startReplay(t, c, dead, through)
	testenv.Eventually(t, 30*time.Second, "InfluxDB has the lines", func() error {
		if stats := proxy.Stats(); stats.Held != 1 {
			return fmt.Errorf("%+v", stats)
		}
		return nil
	})
	second := replayPoints(t, c, 0, dead, bucket)
	proxy.Release()
	if code := first.Wait(t, 30*time.Second); code != 1 || !strings.Contains(first.Log(t), "another replay or drop of this topic was started since") || !strings.Contains(first.Log(t), "0 letters settled") {
		t.Errorf("the first ends with %d:\n%s", code, first.Log(t))
	}
	if settled, _ := outcomes(t, c, dead, letters); settled != 1 || !strings.Contains(second, "1 letter settled") {
		t.Errorf("%d letters are settled; the second says\n%s", settled, second)
	}
	if got, want := pointsOf(t, bucket), []string{"A=2"}; !slices.Equal(got, want) {
		t.Errorf("stored are %q, not %q", got, want)
	}
}

// If this fails, points are lost or stored in another form when their replay is killed at
// any time.
func TestPointsAreReplayedOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := testenv.Kafka(t)
			bucket := testenv.Influx(t, version)
			slow := influxfault.Fault{Kind: influxfault.SlowAnswer, Time: 40 * time.Millisecond}
			proxy, through := testenv.FaultyProxy(t, bucket, influxfault.Always(slow))
			dead := c.Topic(t, 2)
			const points, rounds = 1500, 8
			var letters []*kgo.Record
			var want []string
			for i := range points {
				letters = append(letters, rejectedPoint(dead, 10*i, fmt.Sprintf("B%04d", i), fmt.Sprint(i, "i")))
				want = append(want, fmt.Sprintf("FixedB%04d=%d", i, i))
			}
			c.Produce(t, letters...)
			c.Produce(t, letters[:100]...) // dead letters are delivered at least once
			amid := 0                      // kills with lines that may be stored
			for range rounds {
				before := proxy.Stats().Requests
				p := startReplay(t, c, dead, through, "--fix", asFixed, "--rate", "400")
				testenv.Eventually(t, 30*time.Second, "a request with lines", func() error {
					if proxy.Stats().Requests == before {
						return fmt.Errorf("none")
					}
					return nil
				})
				time.Sleep(time.Duration(rand.IntN(80)) * time.Millisecond)
				p.Kill(t)
				if _, intended := outcomes(t, c, dead, letters); intended > 0 {
					amid++
				}
			}
			t.Logf("%d of %d kills came between the mark of a line and that of its letter", amid, rounds)
			out := replayPoints(t, c, 0, dead, through, "--fix", asFixed)
			if !strings.Contains(out, "letters settled") {
				t.Errorf("the last replay says\n%s", out)
			}
			if got := pointsOf(t, bucket); !slices.Equal(got, want) {
				t.Errorf("%d points are stored, want the %d of the letters", len(got), len(want))
			}
			if settled, intended := outcomes(t, c, dead, letters); settled != points || intended != 0 {
				t.Errorf("%d letters are settled, and %d have the mark of their line", settled, intended)
			}
		})
	}
}
