// Package config holds the shipped pipelines, so that the binary alone can run
// them.
package config

import "embed"

// Files are the pipelines by file name, such as ingest.yaml.
//
//go:embed generate.yaml generate_fast.yaml ingest.yaml ingest_tweets.yaml all_in_one.yaml exact.yaml texts.yaml traced.yaml mirror.yaml spike.yaml
var Files embed.FS
