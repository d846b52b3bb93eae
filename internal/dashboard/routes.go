package dashboard

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/dashboard/brandview"
	"github.com/brandpulse/brandpulse-connect/internal/dashboard/deadview"
)

// maxSeconds is the last second that InfluxDB can hold.
const maxSeconds = math.MaxInt64/int64(time.Second) - 86400

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	feeds := newStreams()
	mux.Handle("GET /", assets())
	// For a load balancer or a container: the dashboard itself, which shows on its page
	// what it cannot reach.
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte("OK\n"))
	})
	mux.HandleFunc("GET /api/brand/events", func(w http.ResponseWriter, r *http.Request) {
		filter, ok := filterOf(w, r)
		if !ok {
			return
		}
		if filter.Until > 0 {
			http.Error(w, "A range that has ended has no events: request /api/brand/period.", http.StatusBadRequest)
			return
		}
		feeds.serve(w, r, s.stopping, source{
			watch:   func() (done func()) { return s.brand.Watch(filter.Range) },
			changed: s.brand.Changed,
			look: func(since uint64) (uint64, any) {
				update := s.brand.Look(filter, since)
				return update.Revision, update
			},
		})
	})
	mux.HandleFunc("GET /api/brand/period", func(w http.ResponseWriter, r *http.Request) {
		filter, ok := filterOf(w, r)
		if !ok {
			return
		}
		if filter.Until == 0 {
			http.Error(w, "A period needs its end: give until, or from and to.", http.StatusBadRequest)
			return
		}
		answer(w, s.brand.Period(r.Context(), filter))
	})
	mux.HandleFunc("GET /api/brand/moment", func(w http.ResponseWriter, r *http.Request) {
		filter, ok := filterOf(w, r)
		if !ok {
			return
		}
		at, err := strconv.ParseInt(r.URL.Query().Get("at"), 10, 64)
		if err != nil || at < 0 || at > maxSeconds {
			http.Error(w, "at must be unix seconds", http.StatusBadRequest)
			return
		}
		answer(w, s.brand.Moment(r.Context(), filter, at))
	})
	mux.HandleFunc("GET /api/brand/tweets", func(w http.ResponseWriter, r *http.Request) {
		filter, ok := filterOf(w, r)
		if !ok {
			return
		}
		tweets, problem := s.brand.Latest(r.Context(), filter)
		answer(w, map[string]any{"tweets": tweets, "problem": problem})
	})
	mux.HandleFunc("GET /api/pipeline/events", func(w http.ResponseWriter, r *http.Request) {
		feeds.serve(w, r, s.stopping, source{
			watch:   s.pipeline.Watch,
			changed: s.pipeline.Changed,
			look: func(since uint64) (uint64, any) {
				update := s.pipeline.Look(since)
				return update.Revision, update
			},
		})
	})
	mux.HandleFunc("GET /api/dead-letters", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil || n < 1 || n > deadview.MaxLetters {
			http.Error(w, "n must be a number from 1 to "+strconv.Itoa(deadview.MaxLetters), http.StatusBadRequest)
			return
		}
		answer(w, s.dead.Newest(r.Context(), n))
	})
	return mux
}

func filterOf(w http.ResponseWriter, r *http.Request) (brandview.Filter, bool) {
	filter, err := brandview.FilterFrom(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return filter, false
	}
	return filter, true
}

func answer(w http.ResponseWriter, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(data)
}
