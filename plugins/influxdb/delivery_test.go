package influxdb

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestRefusedPointsAreFoundWithFewRequests breaks if the search for refused points
// costs more than 2·k·log2(n) requests, beside the first one and the one that asks
// whether the server takes anything at all; or, where the answer says which field
// has the wrong type, more than three.
func TestRefusedPointsAreFoundWithFewRequests(t *testing.T) {
	const n = 5000
	scattered := func(k int) (bad []int) {
		for i := range k {
			bad = append(bad, (i*n/k+i*7919)%n)
		}
		slices.Sort(bad)
		return slices.Compact(bad)
	}
	adjacent := func(from, k int) (bad []int) {
		for i := range k {
			bad = append(bad, from+i)
		}
		return bad
	}
	cases := map[string][]int{
		"none": nil, "the first": {0}, "the last": {n - 1},
		"1 scattered": scattered(1), "10 scattered": scattered(10), "100 scattered": scattered(100),
		"10 adjacent": adjacent(1234, 10), "100 adjacent": adjacent(3333, 100), "all": adjacent(0, n),
	}
	for name, bad := range cases {
		// The bad ones are floats where there have been integers.
		lines, isBad := linesOf(0, n), map[string]bool{}
		for _, i := range bad {
			lines[i] = strings.Replace(lines[i], fmt.Sprintf("f=%di", i), fmt.Sprintf("f=%d.5", i), 1)
			isBad[lines[i]] = true
		}
		for _, hint := range []struct {
			name, reason string
			limit        int
		}{
			{"the answer says nothing", "no", 2*len(bad)*int(math.Ceil(math.Log2(n))) + min(len(bad), 1)},
			{"the answer names the field", `field type conflict: input field "f" on measurement "m" is type float, already exists as type integer`, 2},
			// Once it has been caught, a server that blames the wrong lines is not
			// listened to any more.
			{"the answer names another field", `field type conflict: input field "f" on measurement "m" is type integer, already exists as type float`,
				2*len(bad)*int(math.Ceil(math.Log2(n))) + min(len(bad), 1) + 2},
		} {
			t.Run(name+", "+hint.name, func(t *testing.T) {
				var requests atomic.Int64 // with those without points
				fake := influxfake.New(influxfake.Options{
					Refuse: func(line string) string {
						if isBad[line] {
							return hint.reason
						}
						return ""
					},
					Fault: func(int, []string) influxfake.Fault {
						requests.Add(1)
						return influxfake.Fault{}
					},
				})
				conf := testConfig()
				conf.maxPoints = n
				rejected := &bin{}
				o, _ := startOutput(t, conf, fake, rejected)
				if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
					t.Fatal(err)
				}
				var good, refused []string
				for _, line := range lines {
					if isBad[line] {
						refused = append(refused, line)
					} else {
						good = append(good, line)
					}
				}
				slices.Sort(refused)
				if got := rejected.lines(); !slices.Equal(got, refused) {
					t.Fatalf("refused: %d, want %d", len(got), len(refused))
				}
				mustStore(t, fake, good)
				extra := int(requests.Load()) - 1
				t.Logf("%d refused points cost %d requests more, at most %d", len(bad), extra, hint.limit)
				if extra > hint.limit {
					t.Errorf("%d requests more for %d refused points: at most %d", extra, len(bad), hint.limit)
				}
			})
		}
	}
}

// TestManyKindsOfRefusals breaks if a request with points that are refused for
// different reasons loses a good one, or costs as much as one that says nothing.
func TestManyKindsOfRefusals(t *testing.T) {
	for _, version := range []string{influxfake.V1, influxfake.V2} {
		t.Run(version, func(t *testing.T) {
			lines := linesOf(0, 4000)
			reasons := map[string]string{}
			for i := 0; i < len(lines); i += 100 {
				switch i / 100 % 3 {
				case 0: // the server says it cannot read it
					lines[i] = fmt.Sprintf("m f=nonsense%d %d", i, i)
				case 1:
					lines[i] = fmt.Sprintf("m f=%d.5 %d", i, i+1_700_000_000_000_000_000)
					reasons[lines[i]] = `field type conflict: input field "f" on measurement "m" is type float, already exists as type integer`
				case 2:
					lines[i] = fmt.Sprintf("m f=%di %d", i, i)
					reasons[lines[i]] = "points beyond retention policy"
				}
			}
			fake := influxfake.New(influxfake.Options{Version: version, Refuse: func(line string) string { return reasons[line] }})
			rejected := &bin{}
			o, _ := startOutput(t, testConfig(), fake, rejected)
			if err := o.WriteBatch(t.Context(), service.MessageBatch{message(lines...)}); err != nil {
				t.Fatal(err)
			}
			var good, bad []string
			for i, line := range lines {
				if i%100 == 0 {
					bad = append(bad, line)
				} else {
					good = append(good, line)
				}
			}
			mustStore(t, fake, good)
			slices.Sort(bad)
			if got := rejected.lines(); !slices.Equal(got, bad) {
				t.Errorf("refused %d, want %d", len(got), len(bad))
			}
			for _, m := range rejected.messages {
				content, _ := m.AsBytes()
				reason, _ := m.MetaGet(contract.InfluxDBReason)
				if want := reasons[string(content)]; !strings.Contains(reason, want) || want == "" && !strings.Contains(reason, string(content)) {
					t.Errorf("%s is said to be refused for %s", content, reason)
				}
			}
			n := len(fake.Requests())
			t.Logf("%d requests for %d refused points of three kinds", n, len(bad))
			if n > 2*len(bad) {
				t.Errorf("%d requests for %d refused points: what the answers say is not used", n, len(bad))
			}
		})
	}
}
