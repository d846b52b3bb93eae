package buildcache

import (
	"os"
	"slices"
	"strings"
)

// GoEnvironment returns this process's environment plus extra, without the variables
// that would make go build anything but a program for this machine from the module's
// own requirements.
func GoEnvironment(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GOFLAGS", "GOOS", "GOARCH", "GOBIN", "GOWORK", "GOEXPERIMENT", "CGO_ENABLED", "CGO_LDFLAGS", "CGO_CFLAGS"}, name)
	})
	return append(append(env, "GOWORK=off", "GOFLAGS="), extra...)
}
