// Package influxfake is an InfluxDB inside a test. It responds like 1.8.10 and 2.7.12,
// records every line that it stores, and simulates the faults of real servers and the
// networks before them.
package influxfake

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// Versions that the fake can simulate.
const (
	V0 = "1.7.11" // supports /write only
	V1 = "1.8.10"
	V2 = "2.7.12"
)

// Options are the settings of a fake. The zero value is an InfluxDB 2.7.12 with a
// bucket `bucket` in the organisation `org`, which needs no token.
type Options struct {
	Version string
	// Token is the required token; none if empty. For 1.x it is user:password, which
	// also counts as a user's name and password.
	Token string
	// Org is the name of the only organisation; `org` if empty.
	Org string
	// Buckets exist from the start, in 1.8 as databases or database/policy; {"bucket"}
	// if nil.
	Buckets []string
	// MayNotCreate limits the token to writing.
	MayNotCreate bool
	// Retention of all buckets; 0: forever.
	Retention time.Duration
	// MaxBytes is the largest decompressed body; 0: no limit.
	MaxBytes int
	// Refuse returns the reason why a line is rejected for its content, such as a field
	// type conflict. Empty: the line is stored.
	Refuse func(line string) string
	// OnStore is called for each line in the order in which they are stored.
	OnStore func(line string)
	// Whole makes one rejected line reject its whole request. 1.8 does this if a
	// request has a new field with two types.
	Whole bool
	// Fault is called before each request that writes, with its number from 0 and its
	// lines.
	Fault func(n int, lines []string) Fault
}

// Fault replaces the usual handling of one request. The zero value changes nothing.
type Fault struct {
	Status int         // respond with this status, with nothing stored, unless Apply
	Header http.Header // headers of that response
	Body   string      // body of that response
	Apply  bool        // store the lines first, as usual
	Reset  bool        // reset the connection instead of responding
	Hang   bool        // do not respond until the client has disconnected
	Delay  time.Duration
}

// Request is a request that has written, or tried to.
type Request struct {
	Path   string
	Bucket string // in 1.x database or database/policy
	Header http.Header
	Lines  []string
	Status int // 0: no response
}

// stored is a line in a bucket.
type stored struct{ bucket, line string }

// Server is the fake. It is an http.Handler, and has a URL after Listen.
type Server struct {
	options Options

	mu       sync.Mutex
	buckets  map[string]bool
	stored   map[stored]int
	requests []Request
	asked    []string // requests to the management API
	inFlight int
	most     int
}

// New returns a fake.
func New(o Options) *Server {
	if o.Version == "" {
		o.Version = V2
	}
	if o.Org == "" {
		o.Org = "org"
	}
	if o.Buckets == nil {
		o.Buckets = []string{"bucket"}
	}
	s := &Server{options: o, buckets: map[string]bool{}, stored: map[stored]int{}}
	for _, b := range o.Buckets {
		s.buckets[b] = true
	}
	return s
}

// Listen serves the fake on 127.0.0.1 and returns its address and a function that stops
// it.
func (s *Server) Listen() (url string, stop func()) {
	server := httptest.NewServer(s)
	return server.URL, func() {
		server.CloseClientConnections()
		server.Close()
	}
}

// RoundTrip makes the fake a transport without a socket, for tests in fake time.
func (s *Server) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // a panic value, not an error that is wrapped
				panic(p)
			}
			response, err = nil, errors.New("read: connection reset by peer")
			if r.Context().Err() != nil {
				err = r.Context().Err()
			}
		}
	}()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// Stored returns how often each line has been stored, in any bucket.
func (s *Server) Stored() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]int{}
	for at, n := range s.stored {
		all[at.line] += n
	}
	return all
}

// StoredIn returns how often each line has been stored in a bucket.
func (s *Server) StoredIn(bucket string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]int{}
	for at, n := range s.stored {
		if at.bucket == bucket {
			all[at.line] += n
		}
	}
	return all
}

// Requests returns the requests with points so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// MostInFlight returns the highest number of requests in flight at the same time.
func (s *Server) MostInFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// Asked returns the requests to the management API.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Influxdb-Version", s.options.Version)
	switch {
	case r.URL.Path == "/ping":
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/api/v2/write" && r.Method == http.MethodPost && s.options.Version != V0,
		r.URL.Path == "/write" && r.Method == http.MethodPost && s.options.Version != V2:
		s.write(w, r)
	default:
		s.manage(w, r)
	}
}

func (s *Server) write(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()

	lines, size, err := readLines(r)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	// A request without points is a connection test and does not count.
	var fault Fault
	n := -1
	if len(lines) > 0 {
		s.mu.Lock()
		n = len(s.requests)
		s.requests = append(s.requests, Request{Path: r.URL.Path, Bucket: bucketOf(r), Header: r.Header.Clone(), Lines: lines})
		s.mu.Unlock()
	}
	if s.options.Fault != nil {
		fault = s.options.Fault(n, lines)
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	answer := recorder{ResponseWriter: w}
	if fault.Status == 0 && !fault.Reset && !fault.Hang {
		s.apply(&answer, r, lines, size)
	} else if fault.Apply {
		s.apply(&recorder{ResponseWriter: httptest.NewRecorder()}, r, lines, size)
	}
	switch {
	case fault.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case fault.Reset:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		maps.Copy(w.Header(), fault.Header)
		answer.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, fault.Body)
	}
	if n >= 0 {
		s.mu.Lock()
		s.requests[n].Status = answer.status
		s.mu.Unlock()
	}
}

// bucketOf returns the bucket that a request writes to.
func bucketOf(r *http.Request) string {
	query := r.URL.Query()
	if r.URL.Path == "/api/v2/write" {
		return query.Get("bucket")
	}
	if policy := query.Get("rp"); policy != "" {
		return query.Get("db") + "/" + policy
	}
	return query.Get("db")
}

// recorder records the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// readLines returns the lines of a body, and its decompressed size. It splits at
// newlines outside strings.
func readLines(r *http.Request) (lines []string, size int, err error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(r.Body); err != nil {
			return nil, 0, err
		}
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, 0, fmt.Errorf("unable to read data: %w", err)
	}
	for rest := content; ; {
		var line lineproto.Line
		if line, rest = lineproto.NextLine(rest); len(line.Bytes) == 0 {
			return lines, len(content), nil
		}
		lines = append(lines, string(line.Bytes))
	}
}

// apply handles a valid request as InfluxDB does.
func (s *Server) apply(w http.ResponseWriter, r *http.Request, lines []string, size int) {
	if !s.authorised(w, r) || !s.found(w, r) {
		return
	}
	if s.options.MaxBytes > 0 && size > s.options.MaxBytes {
		s.fail(w, http.StatusRequestEntityTooLarge, "request too large", "Request Entity Too Large")
		return
	}
	malformed, reasons := s.malformed(lines)
	if len(malformed) > 0 && (s.options.Version == V2 || len(malformed) == len(lines)) {
		s.fail(w, http.StatusBadRequest, "invalid", reasons)
		return
	}
	var (
		first   string
		dropped int
		keep    []string
	)
	for _, line := range lines {
		if malformed[line] {
			continue
		}
		if s.options.Refuse != nil {
			if reason := s.options.Refuse(line); reason != "" {
				if dropped++; first == "" {
					first = reason
				}
				continue
			}
		}
		keep = append(keep, line)
	}
	if dropped == 0 || !s.options.Whole {
		s.mu.Lock()
		for _, line := range keep {
			s.stored[stored{bucketOf(r), line}]++
			if s.options.OnStore != nil {
				s.options.OnStore(line)
			}
		}
		s.mu.Unlock()
	}
	switch {
	case dropped > 0 && s.options.Version != V2:
		s.fail(w, http.StatusBadRequest, "", fmt.Sprintf("partial write: %s dropped=%d", first, dropped))
	case dropped > 0:
		s.fail(w, http.StatusUnprocessableEntity, "unprocessable entity", fmt.Sprintf("failure writing points to database: partial write: %s dropped=%d", first, dropped))
	case len(malformed) > 0:
		s.fail(w, http.StatusBadRequest, "", fmt.Sprintf("partial write: %s dropped=0", reasons))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// malformed returns the lines that are not points, with the server's message about
// each.
func (s *Server) malformed(lines []string) (map[string]bool, string) {
	var (
		set     map[string]bool
		reasons []string
	)
	for _, line := range lines {
		if parsed, _ := lineproto.NextLine([]byte(line)); parsed.Err != nil || strings.Contains(line, "=nonsense") {
			if set == nil {
				set = map[string]bool{}
			}
			set[line] = true
			reasons = append(reasons, fmt.Sprintf("unable to parse '%s': invalid boolean", line))
		}
	}
	return set, strings.Join(reasons, "\n")
}
