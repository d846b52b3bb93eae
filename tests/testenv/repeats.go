package testenv

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// PointsThatRepeat is the number of points in InfluxThatRepeats.
const PointsThatRepeat = 5100

// InfluxThatRepeats starts an InfluxDB with points in the measurement tweets, field
// count, some of which Flux returns twice: points in a file, and some between them in
// memory. The test fails if Flux does not repeat them, since it would prove nothing.
func InfluxThatRepeats(t testing.TB, version string) *influxd.Server {
	t.Helper()
	server := OwnInflux(t, influxd.Options{Version: version})
	write := func(n int, line func(i int) string) {
		t.Helper()
		var lines strings.Builder
		for i := range n {
			lines.WriteString(line(i))
		}
		if err := server.Write(t.Context(), []byte(lines.String())); err != nil {
			t.Fatal(err)
		}
	}
	tweet := func(nanos int) string {
		return fmt.Sprintf("tweets,brand=Tea,sentiment=positive count=1i %d\n", 1_700_000_000_000_000_000+nanos)
	}

	// Points in a TSM file, which is written once 25 MiB are in memory.
	write(5000, func(i int) string { return tweet(2 * i) })
	text := strings.Repeat("x", 100_000)
	for round := range 3 {
		write(100, func(i int) string {
			return fmt.Sprintf("filler text=%q %d\n", text, 1_700_000_000_000_000_000+100*round+i)
		})
	}
	dir := filepath.Dir(server.LogPath())
	Eventually(t, 30*time.Second, "a TSM file is written", func() error { return hasFile(dir, ".tsm") })
	// And some between them, in memory.
	write(PointsThatRepeat-5000, func(i int) string { return tweet(2301 + 2*i) })

	rows, err := server.Query(t.Context(), fmt.Sprintf(`from(bucket: %q) |> range(start: 2023-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "tweets") |> count()`, server.Bucket))
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if n, _ := rows[0].Int("_value"); n <= PointsThatRepeat {
		t.Errorf("Flux counts %d points: without its fault this test proves nothing", n)
	}
	return server
}

// hasFile returns an error while no file below dir has that ending.
func hasFile(dir, ending string) error {
	missing := fmt.Errorf("no %s", ending)
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ending) {
			missing = nil
			return fs.SkipAll
		}
		return nil
	})
	return missing
}
