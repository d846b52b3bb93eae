package main

import (
	"runtime/debug"
	"testing"
)

// If this fails, a bug report cannot name the version that has the bug.
func TestVersionIsOneThatCanBeReported(t *testing.T) {
	vcs := func(revision, time, modified string) (settings []debug.BuildSetting) {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}, {Key: "vcs.time", Value: time}, {Key: "vcs.modified", Value: modified}}
	}
	const revision, commit = "6ccc627aabbccddeeff00112233445566778899a", "2026-11-26T18:41:24Z"
	for name, c := range map[string]struct {
		version, built string // of the linker
		module         string
		settings       []debug.BuildSetting
		want, wantDate string
	}{
		"set by the linker":          {version: "v1.2.3", built: "2026-01-02", module: "(devel)", settings: vcs(revision, commit, "false"), want: "v1.2.3", wantDate: "2026-01-02"},
		"a tag":                      {module: "v1.2.3", settings: vcs(revision, commit, "false"), want: "v1.2.3", wantDate: commit},
		"no tag, Go has derived one": {module: "v0.0.0-20261126184124-6ccc627aabbc+dirty", settings: vcs(revision, commit, "true"), want: "v0.0.0-20261126184124-6ccc627aabbc+dirty", wantDate: commit},
		"no tag, Go has not":         {module: "(devel)", settings: vcs(revision, commit, "false"), want: "v0.0.0-20261126184124-6ccc627aabbc", wantDate: commit},
		"changed files":              {module: "(devel)", settings: vcs(revision, "2026-11-26T19:41:24+01:00", "true"), want: "v0.0.0-20261126184124-6ccc627aabbc+dirty", wantDate: "2026-11-26T19:41:24+01:00"},
		"no time":                    {module: "(devel)", settings: vcs(revision, "", "false"), want: "6ccc627aabbc", wantDate: unknown},
		"a short revision":           {module: "(devel)", settings: vcs("12", commit, "false"), want: "v0.0.0-20261126184124-12", wantDate: commit},
		"go install of no tag":       {module: "v0.0.0-20261126184124-6ccc627aabbc", want: "v0.0.0-20261126184124-6ccc627aabbc", wantDate: commit},
		"go install after a tag":     {module: "v1.2.4-0.20261126184124-6ccc627aabbc", want: "v1.2.4-0.20261126184124-6ccc627aabbc", wantDate: commit},
		"go install of a candidate":  {module: "v1.2.4-rc-1", want: "v1.2.4-rc-1", wantDate: unknown},
		"no repository":              {module: "(devel)", want: unknown, wantDate: unknown},
		"no information":             {want: unknown, wantDate: unknown},
	} {
		version, built := versionFrom(c.version, c.built, &debug.BuildInfo{Main: debug.Module{Version: c.module}, Settings: c.settings})
		if version != c.want || built != c.wantDate {
			t.Errorf("%s: version %s of %s, want %s of %s", name, version, built, c.want, c.wantDate)
		}
	}
}
