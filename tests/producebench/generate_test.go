package producebench_test

import (
	"fmt"
	"path/filepath"
	"time"
)

// generate compares the ways to generate tweets into Kafka.
func generate(b *bench) {
	payload := filepath.Join(b.TempDir(), "tweets.txt")
	builtin, err := newTweets("", builtinBrands)
	if err != nil {
		b.Fatal(err)
	}
	if err := writePayload(payload, builtin, time.Now().UnixMilli()); err != nil {
		b.Fatal(err)
	}
	writers := []writer{generateFast, loopOnly, franzOnly}
	missing := func(name string, err error) {
		b.log.printf("left out: %s: %v\n", name, err)
		b.Errorf("left out: %s: %v", name, err)
	}
	if perf, err := perfTool(b.Context(), payload); err != nil {
		missing(perfWriter, err)
	} else {
		writers = append(writers, perf)
	}
	if binary, err := buildLibrdkafka(b.Context(), b.progress()); err != nil {
		missing(rustWriter, err)
	} else {
		writers = append(writers, librdkafka(binary, payload))
	}
	for _, codec := range b.codecs {
		title := fmt.Sprintf("generate to Kafka, %s, acks 1, %d partitions, %s tweets per run", codec, partitions, grouped(b.tweets))
		rows := b.compare(title, run{partitions: partitions, codec: codec, tweets: b.tweets}, writers)
		ours := generateFast.name
		limit := func(none, lz4 float64) float64 {
			if codec == "none" {
				return none
			}
			return lz4
		}
		b.goals(title,
			against(rows, ours, loopOnly.name, limit(0.90, 0.85)),
			cpuOfRow(rows, ours, limit(0.15, 0.25)),
			against(rows, ours, perfWriter, limit(3.5, 3)),
			against(rows, ours, rustWriter, limit(1.6, 1.2)),
			cpuAgainst(rows, ours, rustWriter, 0.4),
			against(rows, ours, franzOnly.name, 1.5),
		)
	}
}

// kilobyte compares generate_fast.yaml with the loop, with tweets of 1 KB.
func kilobyte(b *bench) {
	corpus := filepath.Join(b.TempDir(), "corpus.jsonl")
	const bytes = 1024 - 70 // the rest of a tweet, on average
	if err := writeCorpus(corpus, 3000, bytes); err != nil {
		b.Fatal(err)
	}
	tweets := max(1, b.tweets*15/100) // 3 GB with the usual number
	for _, codec := range b.codecs {
		title := fmt.Sprintf("tweets of 1 KB, %s, acks 1, %d partitions, %s tweets per run", codec, partitions, grouped(tweets))
		rows := b.compare(title, run{partitions: partitions, codec: codec, tweets: tweets, corpus: corpus, batch: recordBatchBytes / 1024}, []writer{generateFast, loopOnly})
		b.goals(title, against(rows, generateFast.name, loopOnly.name, 0.85))
	}
}
