package brandview

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// filterOf is the filter of the query of an address.
func filterOf(t *testing.T, query string) Filter {
	t.Helper()
	f, err := FilterFrom(httptest.NewRequest(http.MethodGet, "/?"+query, nil))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What would break: a range of a year requests a million points, or a range does not
// contain what was chosen.
func TestOwnRangesAreBounded(t *testing.T) {
	const begin = 1_700_000_003
	for length := int64(ownLeast); length <= ownMost; length = length*13/12 + 1 {
		r, until, err := ownRange(fmt.Sprint(begin), fmt.Sprint(begin+length), "")
		if err != nil {
			t.Fatalf("%d s: %v", length, err)
		}
		start := until - r.length()
		if r.Windows < 1 || r.Windows > ownWindows || mod(start, r.Step) != 0 {
			t.Errorf("%d s: %d windows of %d s from %d", length, r.Windows, r.Step, start)
		}
		if start > begin || until < begin+length || start <= begin-r.Step || until >= begin+length+r.Step {
			t.Errorf("%d s from %d: the windows are from %d to %d", length, begin, start, until)
		}
		// What is compared with it has the same windows.
		before, _, err := ownRange(fmt.Sprint(start-r.length()), fmt.Sprint(start), fmt.Sprint(r.Step))
		if err != nil || before != r {
			t.Errorf("%d s: %+v is compared with %+v, %v", length, r, before, err)
		}
		if length > 600 && r.Windows < 60 {
			t.Errorf("%d s: only %d windows", length, r.Windows)
		}
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	for query, want := range map[string]string{
		"from=100&to=x":                          "unix seconds",
		"from=100":                               "unix seconds",
		"to=100":                                 "unix seconds",
		"from=-100&to=100":                       "unix seconds",
		"from=1e3&to=2000":                       "unix seconds",
		"from=100&to=9223372036854775807":        "unix seconds",
		"from=9223372036854775808&to=1":          "unix seconds",
		"from=2000&to=1000":                      "begin before it ends",
		"from=1000&to=1000":                      "begin before it ends",
		"from=1000&to=1009":                      "at least 10 seconds",
		"from=1000&to=999999999":                 "at most 366 days",
		"from=1000&to=9000&step=7":               "step must be",
		"from=1000&to=9000&step=1":               "step must be",
		"from=1000&to=9000&step=-5":              "step must be",
		"range=2m":                               "no such range",
		"range=own":                              "no such range",
		"range=1m&until=x":                       "unix seconds",
		"range=1m&until=0":                       "unix seconds",
		"range=1m&until=9223372036854775807":     "unix seconds",
		"range=1m&sentiment=angry":               "positive, neutral or negative",
		"range=1m&sentiment=":                    "positive, neutral or negative",
		"range=1m&q=" + strings.Repeat("é", 101): "longer than 100 characters",
		"range=1m&q=a+b+c+d+e+f+g+h+i":           "more than 8 words",
		"range=1m&q=%FF":                         "not UTF-8",
		"range=1m" + strings.Repeat("&sentiment=positive", 4): "twice",
	} {
		_, err := FilterFrom(httptest.NewRequest(http.MethodGet, "/?"+query, nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", query, err, want)
		}
	}
	f := filterOf(t, "range=15m&until=1700000003&q=+best++%2Fcoffee.*%2F&sentiment=neutral&sentiment=negative")
	if f.Until != 1700000005 || f.start() != 1700000005-900 || !cmp.Equal(f.Words, []string{"best", "/coffee.*/"}) || len(f.Sentiments) != 2 {
		t.Errorf("%+v", f)
	}
}

// counting is an InfluxDB that counts questions, and fails as it is told to.
type counting struct {
	log
	mu      sync.Mutex
	windows []int64 // of each question
	fail    func(step, from, to int64) error
	wait    time.Duration
}

func (c *counting) counts(ctx context.Context, step, from, to int64) (answer, error) {
	c.mu.Lock()
	c.windows = append(c.windows, (to-from)/step)
	fail, wait := c.fail, c.wait
	c.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	if fail != nil {
		if err := fail(step, from, to); err != nil {
			return answer{}, err
		}
	}
	return c.log.counts(ctx, step, from, to)
}

func (c *counting) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.windows)
}

func windowsOf(u Update) map[int64]int64 {
	windows := map[int64]int64{}
	for _, w := range u.Windows {
		windows[w[0]] = w[1] + w[2] + w[3]
	}
	return windows
}

// What would break: numbers of a range that are not those of InfluxDB, also where it
// answers only for parts of it; or each viewer, and each choice of brands, asks again.
func TestAPeriodEqualsWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Unix() - 10_000
		c := &counting{wait: time.Millisecond}
		want, ofA := map[int64]int64{}, map[int64]int64{}
		var total int64
		query := fmt.Sprintf("from=%d&to=%d", end-3500, end)
		f := filterOf(t, query)
		for second := end - 5000; second < end+100; second += 3 {
			brand := []string{"A", "B"}[mod(second, 2)]
			c.put(second, brand, Counts{mod(second, 7), 1, 0})
			start := second - mod(second, 10)
			if start >= f.start() && second < f.Until {
				n := mod(second, 7) + 1
				want[start] += n
				total += n
				if brand == "A" {
					ofA[start] += n
				}
			}
		}
		c.fail = func(step, from, to int64) error {
			if (to-from)/step > 100 {
				return errTooLarge
			}
			return nil
		}
		v := newView(Source{}, c)
		var viewers sync.WaitGroup
		for range 20 {
			viewers.Go(func() {
				u := v.Period(t.Context(), filterOf(t, query))
				if u.Status.Problem != nil || u.Step != 10 || u.First != f.start() || u.Total.Total() != total || u.Filled > u.First || u.Rate <= 0 {
					t.Errorf("problem %v, step %d, total %v, filled %d of %d, rate %f", u.Status.Problem, u.Step, u.Total, u.Filled, u.First, u.Rate)
				}
				if diff := cmp.Diff(want, windowsOf(u)); diff != "" {
					t.Errorf("(-stored +shown)\n%s", diff)
				}
			})
		}
		viewers.Wait()
		asked := c.asked()
		if asked > 8 {
			t.Errorf("%d questions for 20 viewers: %v windows", asked, c.windows)
		}
		if diff := cmp.Diff(ofA, windowsOf(v.Period(t.Context(), filterOf(t, query+"&brand=A")))); diff != "" {
			t.Errorf("of one brand (-stored +shown)\n%s", diff)
		}
		if c.asked() != asked {
			t.Error("another choice of brands asks again")
		}
		// Late tweets are found after a while.
		c.put(end-100, "A", Counts{1000})
		pause(periodKept + time.Second)
		if got := v.Period(t.Context(), filterOf(t, query)).Total.Total(); got != total+1000 {
			t.Errorf("%d tweets, want %d", got, total+1000)
		}
	})
}

// What would break: a named range that ended has other windows than it had while it
// was live, so that a pause or a comparison shows something else.
func TestAPausedRangeHasTheSameWindows(t *testing.T) {
	for _, r := range Ranges {
		head := int64(1_700_000_123)
		f := filterOf(t, fmt.Sprintf("range=%s&until=%d", r.Name, head))
		u := newView(Source{}, &counting{}).Period(t.Context(), f)
		if u.First != r.first(head) || u.Step != r.Step || f.Until != r.floor(head)+r.Step {
			t.Errorf("%s: from %d by %d, want %d by %d", r.Name, u.First, u.Step, r.first(head), r.Step)
		}
	}
}

// What would break: an InfluxDB that does not answer, or viewers who ask for ever
// other ranges, take all there is.
func TestPeriodsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{wait: time.Hour}
		v := newView(Source{}, c)
		query := func(i int) string {
			return url.Values{"from": {fmt.Sprint(1000 + i)}, "to": {fmt.Sprint(5000 + i)}}.Encode()
		}
		ctx, leave := context.WithCancel(t.Context())
		var viewers sync.WaitGroup
		var mu sync.Mutex
		kinds := map[string]int{}
		look := func(ctx context.Context, i int) {
			viewers.Go(func() {
				u := v.Period(ctx, filterOf(t, query(100*i)))
				mu.Lock()
				defer mu.Unlock()
				kinds[u.Status.Problem.Message]++
			})
		}
		for i := range 3 * maxPeriods {
			look(ctx, i)
		}
		synctest.Wait()
		if c.asked() != 1 || kinds[errBusy.Message] != 2*maxPeriods {
			t.Errorf("%d questions at once, answers %v", c.asked(), kinds)
		}
		leave()
		viewers.Wait()
		synctest.Wait()
		if n := len(v.periods.list); n != 0 {
			t.Errorf("%d ranges are read that nobody waits for", n)
		}
		begin := time.Now()
		look(t.Context(), 0)
		viewers.Wait()
		if took := time.Since(begin); took != periodTimeout || kinds["InfluxDB could not answer for the whole range in time. Choose a shorter one"] != 1 {
			t.Errorf("after %s: %v", took, kinds)
		}
		c.mu.Lock()
		c.wait, c.fail = 0, func(int64, int64, int64) error { return errors.New("connection refused") }
		c.mu.Unlock()
		if p := v.Period(t.Context(), filterOf(t, query(0))).Status.Problem; p == nil || p.Kind != Unreachable {
			t.Errorf("InfluxDB is down: %v", p)
		}
		c.mu.Lock()
		c.fail = nil
		c.mu.Unlock()
		if p := v.Period(t.Context(), filterOf(t, query(0))).Status.Problem; p != nil {
			t.Errorf("InfluxDB is back: %v", p)
		}
	})
}
