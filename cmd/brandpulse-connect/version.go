package main

import (
	"runtime/debug"
	"strings"
	"time"
)

// Version and DateBuilt are set by the linker where there is no repository to read them
// from, as in the Dockerfile. If they are empty, the values that the Go toolchain stamped
// into the binary are used.
var (
	Version   string
	DateBuilt string
)

// unknown is the version of a binary that was built without any information about it.
const unknown = "unknown"

func versionAndDate() (version, built string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionFrom(Version, DateBuilt, info)
}

// versionFrom returns the tag or pseudo-version of the module, and the time of its commit.
// A build outside of a module download has the version "(devel)" if its toolchain does not
// derive one from the repository.
func versionFrom(version, built string, info *debug.BuildInfo) (string, string) {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if version == "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	if revision := settings["vcs.revision"]; version == "" && revision != "" {
		version = revision[:min(len(revision), 12)]
		if at, err := time.Parse(time.RFC3339, settings["vcs.time"]); err == nil {
			version = "v0.0.0-" + at.UTC().Format("20060102150405") + "-" + version
		}
		if settings["vcs.modified"] == "true" {
			version += "+dirty"
		}
	}
	if built == "" {
		built = settings["vcs.time"]
	}
	// `go install module@version` has no repository, and its pseudo-version has the time.
	if parts := strings.Split(version, "-"); built == "" && len(parts) >= 3 {
		digits := parts[len(parts)-2]
		if at, err := time.Parse("20060102150405", digits[strings.LastIndexByte(digits, '.')+1:]); err == nil {
			built = at.Format(time.RFC3339)
		}
	}
	if version == "" {
		version = unknown
	}
	if built == "" {
		built = unknown
	}
	return version, built
}
