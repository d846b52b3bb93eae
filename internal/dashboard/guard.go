package dashboard

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// policy lets the page load what this server serves, and nothing else. There is
// no inline script or style, so a tweet that got into the page as HTML could
// still do nothing.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// hosts are the values of the Host header under which the page may be asked for.
// Any other one is a name of somebody else that was made to point here (DNS
// rebinding), whose pages could otherwise read this one.
type hosts struct {
	exact []string // HOST:PORT
	names []string // with any port, or none: behind a proxy
}

func newHosts(address *net.TCPAddr, allowed []string) hosts {
	port := strconv.Itoa(address.Port)
	h := hosts{exact: []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}}
	if !address.IP.IsUnspecified() {
		h.exact = append(h.exact, address.String())
	}
	for _, name := range allowed {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, _, err := net.SplitHostPort(name); err == nil {
			h.exact = append(h.exact, name)
		} else if name != "" {
			h.names = append(h.names, strings.Trim(name, "[]"))
		}
	}
	return h
}

func (h hosts) allow(host string) bool {
	host = strings.ToLower(host)
	if slices.Contains(h.exact, host) {
		return true
	}
	name := host
	if without, _, err := net.SplitHostPort(host); err == nil {
		name = without
	}
	return slices.Contains(h.names, strings.Trim(name, "[]"))
}

// guard refuses what no page of ours asks for, and sets the headers that keep
// others out.
func guard(h hosts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		api := strings.HasPrefix(r.URL.Path, "/api/")
		switch {
		case !h.allow(r.Host):
			http.Error(w, "The dashboard is not asked for under this name; --allowed-host NAME allows one.", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && (r.Method != http.MethodHead || api):
			header.Set("Allow", "GET, HEAD")
			if api {
				header.Set("Allow", "GET") // HEAD would wait for the end of a stream.
			}
			http.Error(w, "Method not allowed: the dashboard is read-only.", http.StatusMethodNotAllowed)
		case api && !sameOrigin(r):
			http.Error(w, "Only the dashboard's own page may ask for this.", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// sameOrigin tells whether the page that asks is our own, or a person.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	_, host, found := strings.Cut(origin, "://")
	return found && strings.EqualFold(host, r.Host)
}
