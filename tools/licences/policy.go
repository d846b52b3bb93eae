package main

// permissive lists the licences, by SPDX identifier, that a linked module or
// file may have.
var permissive = map[string]bool{
	"0BSD":               true,
	"Apache-2.0":         true,
	"BSD-2-Clause":       true,
	"BSD-2-Clause-Views": true,
	"BSD-3-Clause":       true,
	"BSL-1.0":            true, // Boost
	"CC0-1.0":            true,
	"ISC":                true,
	"MIT":                true,
	"MIT-0":              true,
	"Unlicense":          true,
	"Zlib":               true,
	// Copyleft for its own files only: it asks for the source of changes to
	// them, and we link these modules unchanged.
	"MPL-2.0": true,
}

// redpandaCommunity is our name for the licence of Redpanda Connect's
// enterprise files. SPDX has none.
const redpandaCommunity = "Redpanda-Community"

// An exception allows one file one licence that is not permissive.
type exception struct {
	module  string
	file    string // slash-separated, below the module's folder
	licence string
}

// A scope is a set of packages and the exceptions that hold for it.
type scope struct {
	packages   string
	exceptions []exception
}

// scopes are the builds that people ship. The plugins have no exception, since
// they go into the builds of others.
var scopes = []scope{
	{
		packages: "./cmd/brandpulse-connect",
		exceptions: []exception{{
			// The login with a Redpanda Cloud service account, which connect's
			// kafka package imports. It does nothing without such an account.
			module:  "github.com/redpanda-data/connect/v4",
			file:    "internal/serviceaccount/oauth2.go",
			licence: redpandaCommunity,
		}},
	},
	{packages: "./plugins/..."},
}

// platforms are those whose files are looked at: build constraints choose
// other files, and other modules, on each.
var platforms = []platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
}
