package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// The inside of a spike is exact.yaml with a processor that takes the time that a slow
// store would: a fixed one per tweet. One thread, so that the sum of the pauses is the
// limit.
var insideSleep = fmt.Sprintf("pipeline.processors.-.sleep.duration=${! (@tweets | 0) * %d }us", 1_000_000/insideLimit)

// insideBytes is how much of the backlog the inside holds. It is far less than the
// backlog becomes, or that would be in its memory and not in Kafka.
const insideBytes = "4 MiB"

func (p *pipelines) limits() []string {
	return []string{
		"THREADS=1", "MAX_IN_FLIGHT_BYTES=" + insideBytes, "FETCH_MAX_BYTES=1MiB", "FLUSH_PERIOD=100ms",
		// Memory that the garbage collector has not needed yet would hide that it is flat.
		"GOMEMLIMIT=48MiB",
	}
}

// startEdge starts the generator of a spike.
func (p *pipelines) startEdge() error {
	generator, _, err := p.start(spikeConfig,
		"HTTP_ADDRESS="+p.at.generate,
		"SPEED="+strconv.FormatFloat(p.o.Speed, 'f', -1, 64),
		"SEED="+strconv.FormatInt(p.o.Seed, 10),
		"MODE="+p.o.Mode,
		"COMPRESSION=none",
		"LEDGER="+filepath.Join(p.dir, ledgerName))
	if err != nil {
		return err
	}
	p.generate.Store(generator)
	return nil
}

// startSecond starts a second instance of the inside, in the same group.
func (p *pipelines) startSecond() error {
	second, _, err := p.startIngest("demo-2", p.at.second)
	if err != nil {
		return err
	}
	p.second.Store(second)
	return nil
}

// audit runs the command audit on what the inside has stored.
func (p *pipelines) audit(ctx context.Context) (code int, printed string, err error) {
	log := filepath.Join(p.dir, "audit.log")
	audit, err := process.Start(process.Command{
		Path: p.o.Binary,
		Args: []string{"audit", "--group", p.k.group, filepath.Join(p.dir, p.o.ingestConfig())},
		Env: process.Environment(p.dir, append([]string{
			"KAFKA_BROKERS=" + p.k.brokers, "TOPIC=" + p.k.topic, "DEAD_TOPIC=" + p.k.dead,
		}, p.influx()...)...),
		Log: log,
	})
	if err != nil {
		return 0, "", err
	}
	if code, err = audit.Wait(ctx); err != nil {
		_ = audit.Kill()
		return 0, "", err
	}
	return code, process.Tail(log, 30), nil
}
