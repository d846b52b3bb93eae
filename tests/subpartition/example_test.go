package subpartition_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the example of the page does not write the updates of each user in their
// order, or one that the server refuses holds up its user or vanishes.
func TestTheExampleOfThePage(t *testing.T) {
	t.Parallel()
	kafka := testenv.Kafka(t)
	updates, dead := kafka.Topic(t, 1), kafka.Topic(t, 1)

	var mu sync.Mutex
	got, refused := map[string][]string{}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		user := strings.TrimPrefix(r.URL.Path, "/users/")
		mu.Lock()
		defer mu.Unlock()
		if string(body) == "user2:3" {
			refused++
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		got[user] = append(got[user], string(body))
	}))
	t.Cleanup(server.Close)

	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "plugins/subpartition/examples/updates.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "updates.yaml")
	example := strings.NewReplacer(
		"localhost:9092", kafka.Brokers[0],
		"[ updates ]", "[ "+updates+" ]", "consumer_group: updates", "consumer_group: "+updates,
		"topic: updates_dead", "topic: "+dead,
		"http://localhost:8080", server.URL,
	).Replace(string(text))
	if err := os.WriteFile(config, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, kafka, updates, 100, func(i int) string { return fmt.Sprint("user", i%10) })
	p := testenv.Start(t, testenv.Command{Config: config})
	letters := kafka.Read(t, dead, 1)
	awaitCommitted(t, 30*time.Second, kafka, updates, updates)
	if code := p.Stop(t); code != 0 {
		t.Errorf("the program ends with %d", code)
	}

	mu.Lock()
	defer mu.Unlock()
	for i := range 10 {
		user := fmt.Sprint("user", i)
		var want []string
		for n := range 10 {
			if one := fmt.Sprintf("%s:%d", user, n+1); one != "user2:3" {
				want = append(want, one)
			}
		}
		if fmt.Sprint(got[user]) != fmt.Sprint(want) {
			t.Errorf("%s has the updates %v, want %v", user, got[user], want)
		}
	}
	if refused != 5 {
		t.Errorf("the bad update was sent %d times, want 5", refused)
	}
	if string(letters[0].Value) != "user2:3" || header(letters[0], "dead_reason") != "exhausted" || header(letters[0], "dead_attempts") != "5" || header(letters[0], "subpartition_key") != "user2" {
		t.Errorf("the dead letter is %q with %q", letters[0].Value, letters[0].Headers)
	}
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
