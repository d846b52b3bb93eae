package faultlab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// DeletePoints removes all points at a time from InfluxDB.
func (l *Lab) DeletePoints(from, to time.Time) {
	l.Helper()
	path := "/api/v2/delete?" + url.Values{"org": {l.Bucket.Org}, "bucket": {l.Bucket.Bucket}}.Encode()
	body, err := json.Marshal(map[string]string{"start": from.Format(time.RFC3339), "stop": to.Format(time.RFC3339)})
	if err != nil {
		l.Fatal(err)
	}
	if l.Server.Version == testenv.InfluxV1 {
		statement := fmt.Sprintf(`DELETE WHERE time >= %d AND time < %d`, from.UnixNano(), to.UnixNano())
		path, body = "/query?"+url.Values{"db": {l.Bucket.Bucket}, "q": {statement}}.Encode(), nil
	}
	request, err := http.NewRequestWithContext(l.Context(), http.MethodPost, l.Bucket.URL+path, bytes.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+l.Bucket.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		l.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 || bytes.Contains(answer, []byte("error")) {
		l.Fatalf("deleting points: %s: %s: %v", response.Status, answer, err)
	}
}
