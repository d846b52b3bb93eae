package kafkad

import (
	"context"
	"slices"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
)

// Tool runs one of Kafka's programs, as the scripts of its release do, and returns its
// standard output: kafka.tools.DumpLogSegments is kafka-dump-log.
func Tool(ctx context.Context, class string, args ...string) (stdout []byte, err error) {
	_, java, err := get(ctx, nil)
	if err != nil {
		return nil, err
	}
	return buildcache.Run(ctx, "", nil, nil, java.path, slices.Concat(java.options, quick, []string{
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", class,
	}, args)...)
}
