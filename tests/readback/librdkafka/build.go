// Package librdkafka builds a program that prints a topic as librdkafka reads it.
package librdkafka

import (
	"context"
	"embed"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/rustprogram"
)

// Version is that of librdkafka in the crate.
const Version = "2.12.1"

//go:embed Cargo.toml Cargo.lock src
var source embed.FS

// Get returns the path of the program: see rustprogram.Get.
func Get(ctx context.Context, progress buildcache.Progress) (string, error) {
	return rustprogram.Get(ctx, source, "librdkafka-"+Version, "readback", progress)
}
