package buildcache

import (
	"os"
	"slices"
	"strings"
)

// GoEnvironment is ours without what would let go build something else than a
// program for this machine from the module's own requirements, and with extra.
func GoEnvironment(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GOFLAGS", "GOOS", "GOARCH", "GOBIN", "GOWORK", "GOEXPERIMENT", "CGO_ENABLED", "CGO_LDFLAGS", "CGO_CFLAGS"}, name)
	})
	return append(append(env, "GOWORK=off", "GOFLAGS="), extra...)
}
