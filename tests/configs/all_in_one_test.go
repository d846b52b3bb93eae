package configs_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// brands of which InfluxDB accepts only the first. It rejects the second; the third
// becomes one that line protocol cannot carry, which the generator does not create.
const brands = `input.tweet_generator.brands=
- name: SuperCoffee
  weight: 8
- name: ` + refusedBrand + `
  weight: 1
- name: Tea|
  weight: 1
`

// spoil changes the third brand. A comma would end the argument.
const spoil = `input.processors=[ { mapping: 'root = content().string().split("Tea|").join("Tea\\")' } ]`

// If this fails, an output passes its failure to the generator, which then sends the
// whole batch again, so that windows that are already stored count twice; or an output
// drops what it could not write.
func TestAllInOneKeepsItsSumsWhileItsLeavesFail(t *testing.T) {
	t.Parallel()
	const count = 20_000
	influx := influxfake.New(influxfake.Options{Refuse: refuseBrand, Fault: failThrice()})
	url, stop := influx.Listen()
	t.Cleanup(stop)

	// A folder that cannot be created, since a file has its name.
	blocked := filepath.Join(t.TempDir(), "letters")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dead, rejected := filepath.Join(blocked, "dead.jsonl"), filepath.Join(blocked, "rejected.jsonl")
	program := testenv.Start(t, testenv.Command{
		Config: "config/all_in_one.yaml",
		Args:   []string{"--set", brands, "--set", spoil},
		Env: map[string]string{
			"COUNT": strconv.Itoa(count), "BATCH_SIZE": "500", "RATE": "0", "PROGRESS": "never",
			"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket",
			"DEAD_FILE": dead, "REJECTED_FILE": rejected,
		},
	})
	failedTwice(t, program, "dead_letters", "rejected_points")
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	if code := program.Wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// The brands are random, but the sentiments of all brands together are not.
	sums := sentimentsOf(t, influx.Stored())
	if len(sums) != 3 {
		t.Errorf("InfluxDB has %v", sums)
	}
	points := map[string]int{}
	for _, letter := range readJSONLines[struct{ Reason, Error, Point string }](t, rejected) {
		if letter.Reason != "rejected" || !strings.Contains(letter.Error, refusal) {
			t.Errorf("a rejected point %+v", letter)
		}
		points[letter.Point]++
	}
	for sentiment, n := range sentimentsOf(t, points) {
		sums[sentiment] += n
	}
	broken := map[string]bool{}
	for _, letter := range readJSONLines[struct {
		Reason, Error string
		Content       []byte
	}](t, dead) {
		tweet, err := oracle.Avro(letter.Content)
		if err != nil || tweet.Brand != `Tea\` || letter.Reason != "unstorable" || letter.Error == "" {
			t.Errorf("a dead letter %+v", letter)
		}
		// The batch in flight when the file became writable may have been written in
		// part, and then whole.
		if !broken[tweet.ID] {
			sums[tweet.Sentiment]++
		}
		broken[tweet.ID] = true
	}
	for sentiment, want := range map[string]int64{"positive": count * 5 / 10, "negative": count * 3 / 10, "neutral": count * 2 / 10} {
		if sums[sentiment] != want {
			t.Errorf("%d %s tweets are in InfluxDB or in the files, not %d", sums[sentiment], sentiment, want)
		}
	}
	if len(points) == 0 || len(broken) == 0 {
		t.Errorf("%d rejected points, %d dead letters", len(points), len(broken))
	}
}

func sentimentsOf(t testing.TB, lines map[string]int) map[string]int64 {
	t.Helper()
	counts, err := sumOf(t, lines)
	if err != nil {
		t.Error(err)
	}
	return counts.BySentiment()
}

func readJSONLines[T any](t testing.TB, path string) (values []T) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var value T
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			t.Fatalf("a line of %s: %v: %s", filepath.Base(path), err, lines.Text())
		}
		values = append(values, value)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
