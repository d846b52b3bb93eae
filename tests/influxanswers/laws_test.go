package influxanswers_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// The laws by which the output finds rejected points without trying each of them. Their
// proofs from the sources are in docs/influxdb-answers.md.

// count and text of a response with a count
var counted = regexp.MustCompile(`dropped=(\d+)`)

// lawRounds is the number of requests that a law is tested with.
const lawRounds = 25

// try writes points, each with its position as the tag i, and returns the response, its
// count (-1 if there is none) and which points are not stored afterwards.
func try(t *testing.T, server *influxd.Server, bucket, measurement string, points []string) (got influxfake.Answer, dropped int, refused []int) {
	t.Helper()
	got = ask(t, server, influxfake.Exchange{Bucket: bucket, Org: server.Org, Points: points}, credential{token: server.Token})
	if got.Status >= 400 {
		time.Sleep(50 * time.Millisecond) // see compare
	}
	dropped = -1
	if found := counted.FindAllStringSubmatch(got.Body, -1); found != nil {
		dropped, _ = strconv.Atoi(found[len(found)-1][1])
	}
	stored := map[string]bool{}
	eachSeries(t, server, bucket, measurement, func(r influxd.Row, _ int64) { stored[r.String("i")] = true })
	for i := range points {
		if !stored[strconv.Itoa(i)] {
			refused = append(refused, i)
		}
	}
	return got, dropped, refused
}

// eachVersion tests a law with both servers.
func eachVersion(t *testing.T, law func(t *testing.T, server *influxd.Server, random *rand.Rand)) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version, Auth: true})
			law(t, server, rand.New(rand.NewPCG(1, 2)))
		})
	}
}

// If this fails, a response with the count N of points beyond retention does not mean
// that the N oldest of the request were rejected and all others stored. The points are
// close to the bound, some older ones in the same shard as younger ones, some at the
// same time.
func TestTheOldestAreBeyondRetention(t *testing.T) {
	eachVersion(t, func(t *testing.T, server *influxd.Server, random *rand.Rand) {
		const retention = 2 * time.Hour // shards of an hour
		if err := server.CreateBucket(t.Context(), "short", retention); err != nil {
			t.Fatal(err)
		}
		partly := 0
		for round := range lawRounds {
			measurement := fmt.Sprintf("old%d", round)
			bound := time.Now().Add(-retention)
			times := make([]int64, 2+random.IntN(40))
			for i := range times {
				switch random.IntN(4) {
				case 0:
					times[i] = bound.Add(-time.Duration(random.Int64N(int64(3 * time.Hour)))).UnixNano()
				case 1:
					times[i] = bound.Add(time.Second + time.Duration(random.Int64N(int64(time.Hour)))).UnixNano()
				case 2: // often in one shard with younger ones
					times[i] = bound.Add(-time.Duration(random.Int64N(int64(10 * time.Minute)))).UnixNano()
				default:
					times[i] = times[random.IntN(i+1)]
				}
				if times[i] == 0 {
					times[i] = bound.Add(-time.Hour).UnixNano()
				}
			}
			points := make([]string, len(times))
			order := make([]int, len(times))
			for i, at := range times {
				points[i] = fmt.Sprintf("%s,i=%d f=1i %d", measurement, i, at)
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return int(min(max(times[a]-times[b], -1), 1)) })
			got, dropped, refused := try(t, server, "short", measurement, points)
			if dropped < 0 {
				if got.Status != 204 || len(refused) > 0 {
					t.Errorf("%d %s: rejected %v", got.Status, got.Body, refused)
				}
				continue
			}
			want := slices.Clone(order[:dropped])
			slices.Sort(want)
			if !slices.Equal(refused, want) {
				t.Errorf("%s: of the points at %v, %v were rejected, but the oldest are %v", got.Body, times, refused, want)
			}
			if dropped < len(times) {
				partly++
				if times[order[dropped-1]] == times[order[dropped]] {
					t.Errorf("%s: one of two points at the same time is rejected", got.Body)
				}
			}
		}
		if partly < lawRounds/3 {
			t.Errorf("only %d requests were rejected in part", partly)
		}
	})
}

// conflicting returns requests to a field that is an integer in the first shard, a
// float in the second, and does not exist in the third. With other, points of another
// field, an integer everywhere, are floats too.
func conflicting(t *testing.T, server *influxd.Server, random *rand.Rand, measurement string, other bool) (points []string, kind map[int]int) {
	t.Helper()
	const month = int64(30 * 24 * time.Hour)
	shard := func(s int) int64 { return 1_700_000_000_000_000_000 + int64(s)*month }
	prepared := []string{
		fmt.Sprintf("%s f=1i,g=1i %d", measurement, shard(0)),
		fmt.Sprintf("%s f=1.5,g=1i %d", measurement, shard(1)),
		fmt.Sprintf("%s g=1i %d", measurement, shard(2)),
	}
	for _, point := range prepared { // one by one, since they contradict each other
		if got, _, _ := try(t, server, server.Bucket, measurement, []string{point}); got.Status != 204 {
			t.Fatalf("%s: %d %s", point, got.Status, got.Body)
		}
	}
	kind = map[int]int{} // position → shard, of the points that write a float into f
	shards := 1 + random.IntN(3)
	for i := range 1 + random.IntN(20) {
		s := random.IntN(shards)
		at := shard(s) + 1 + int64(i)
		switch {
		case other && random.IntN(4) == 0:
			points = append(points, fmt.Sprintf("%s,i=%d g=0.5 %d", measurement, i, at))
		case random.IntN(2) == 0:
			points = append(points, fmt.Sprintf("%s,i=%d f=0.5 %d", measurement, i, at))
			kind[i] = s
		default:
			points = append(points, fmt.Sprintf("%s,i=%d g=2i %d", measurement, i, at))
		}
	}
	return points, kind
}

// If this fails, a response that names a field with a type does not mean that one shard
// has rejected all points of that kind, or a response that counts as many as the
// request has points does not mean all of them.
//
// It is not true that the N points of a kind were rejected if a response has dropped=N:
// see `as many dropped as the field has points, and not all of those` among the
// recorded responses.
func TestPointsOfAConflict(t *testing.T) {
	eachVersion(t, func(t *testing.T, server *influxd.Server, random *rand.Rand) {
		whole, named := 0, 0
		for round := range 2 * lawRounds {
			measurement := fmt.Sprintf("kind%d", round)
			points, kind := conflicting(t, server, random, measurement, round%2 == 0)
			got, dropped, refused := try(t, server, server.Bucket, measurement, points)
			if dropped < 0 {
				if got.Status != 204 || len(refused) > 0 {
					t.Errorf("%d %s: rejected %v", got.Status, got.Body, refused)
				}
				continue
			}
			if dropped > len(refused) {
				t.Errorf("%s: only %v are rejected", got.Body, refused)
			}
			if dropped == len(points) {
				whole++
				if len(refused) != len(points) {
					t.Errorf("%s: of %d points only %v are rejected", got.Body, len(points), refused)
				}
			}
			if !strings.Contains(got.Body, `\"f\" on measurement`) {
				continue
			}
			named++
			total, lost := map[int]int{}, map[int]int{}
			for i, s := range kind {
				total[s]++
				if slices.Contains(refused, i) {
					lost[s]++
				}
			}
			for s := range total {
				if s == 0 && lost[s] != total[s] {
					t.Errorf("%s: in the shard where it is an integer, %d of %d are rejected", got.Body, lost[s], total[s])
				}
				if s != 0 && lost[s] != 0 {
					t.Errorf("%s: where it may be a float, %d are rejected", got.Body, lost[s])
				}
			}
		}
		if whole == 0 || named == 0 {
			t.Errorf("%d requests were rejected as a whole, %d responses named the field: the law was not tested", whole, named)
		}
	})
}
