package exactbench_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The readers, in the order of a round.
const (
	exactReader = "exact.yaml"
	bareReader  = "bare consumer"
	loopReader  = "loop without Benthos"
	stockReader = "ingest.yaml"
)

var readers = []string{exactReader, bareReader, loopReader, stockReader}

// read reads all tweets of the topic.
func read(ctx context.Context, j job, pass int, m *meter) error {
	switch j.Reader {
	case exactReader:
		return readPipeline(ctx, "config/exact.yaml", j, pass, m)
	case stockReader:
		return readPipeline(ctx, "config/ingest.yaml", j, pass, m)
	case bareReader:
		return readBare(ctx, j, m)
	case loopReader:
		return readLoop(ctx, j, m)
	}
	return fmt.Errorf("unknown reader %q", j.Reader)
}

// readBare only counts the records from franz-go.
func readBare(ctx context.Context, j job, m *meter) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(j.Broker), kgo.ConsumeTopics(j.Topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		m.add(int64(fetches.NumRecords()))
		select {
		case <-m.done:
			return nil
		case <-ctx.Done():
			return errors.New("not all records came in time")
		default:
		}
	}
}
