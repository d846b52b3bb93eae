package main

import "runtime/debug"

// Version and DateBuilt are set by the linker in release builds. A binary of
// `go install` has neither, and says what the Go toolchain stamped into it.
var (
	Version   string
	DateBuilt string
)

func versionAndDate() (version, built string) {
	version, built = Version, DateBuilt
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, built
	}
	if version == "" {
		version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" && built == "" {
			built = s.Value
		}
	}
	return version, built
}
