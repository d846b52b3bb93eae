package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// stopLimit is how long a pipeline may take to end in good order; above the
// shutdown_timeout of the configs.
const stopLimit = 30 * time.Second

// pipelines are the two shipped configs, each run by a process of its own.
type pipelines struct {
	generate      *process.Process
	ingest        *process.Process
	ingestCommand process.Command
	stopped       bool // the generator, by us
}

// addresses are where the two serve their metrics.
type addresses struct {
	ingest, generate string // HOST:PORT
}

func httpAddresses() (addresses, error) {
	ports, err := process.FreePorts(2)
	if err != nil {
		return addresses{}, err
	}
	return addresses{ingest: "127.0.0.1:" + strconv.Itoa(ports[0]), generate: "127.0.0.1:" + strconv.Itoa(ports[1])}, nil
}

func startPipelines(dir string, o Options, k *kafka, db *influxd.Database, at addresses) (*pipelines, error) {
	common := []string{
		"KAFKA_BROKERS=" + k.brokers,
		"TOPIC=" + k.topic,
		"PROGRESS=never",
	}
	p := &pipelines{}
	var err error
	p.ingestCommand, err = command(dir, o.Binary, o.ingestConfig(), append([]string{
		"HTTP_ADDRESS=" + at.ingest,
		"CONSUMER_GROUP=" + k.group,
		"DEAD_TOPIC=" + k.dead,
		"INFLUXDB_URL=" + db.URL,
		"INFLUXDB_TOKEN=" + db.Token,
		"INFLUXDB_ORG=" + db.Org,
		"INFLUXDB_BUCKET=" + db.Bucket,
		"INFLUXDB_CREATE_BUCKET=true",
		// One that is killed and started again has its partitions back at once.
		"INSTANCE_ID=demo",
	}, common...))
	if err != nil {
		return nil, err
	}
	if p.ingest, err = process.Start(p.ingestCommand); err != nil {
		return nil, err
	}
	generate, err := command(dir, o.Binary, "generate.yaml", append([]string{
		"HTTP_ADDRESS=" + at.generate,
		"RATE=" + strconv.FormatFloat(o.Rate, 'f', -1, 64),
		"COUNT=" + strconv.FormatInt(o.Count, 10),
		"SEED=" + strconv.FormatInt(o.Seed, 10),
		"MODE=" + o.Mode,
	}, common...))
	if err == nil {
		p.generate, err = process.Start(generate)
	}
	if err != nil {
		_ = p.ingest.Kill()
		return nil, err
	}
	return p, nil
}

// command runs the binary on one of the shipped configs, as a user would.
func command(dir, binary, name string, env []string) (process.Command, error) {
	yaml, err := config.Files.ReadFile(name)
	if err != nil {
		return process.Command{}, err
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, yaml, 0o600); err != nil {
		return process.Command{}, fmt.Errorf("writing %s: %w", file, err)
	}
	return process.Command{
		Path: binary,
		Args: []string{"run", file},
		Env:  process.Environment(dir, env...),
		Log:  file + ".log",
	}, nil
}

// crashIngest ends the ingest as a crash would (SIGKILL), and starts it again.
func (p *pipelines) crashIngest() error {
	if err := p.ingest.Kill(); err != nil {
		return fmt.Errorf("killing the ingest: %w", err)
	}
	ingest, err := process.Start(p.ingestCommand)
	if err != nil {
		return fmt.Errorf("starting the ingest again: %w", err)
	}
	p.ingest = ingest
	return nil
}

// check gives an error if a pipeline has ended that should not have.
func (p *pipelines) check() error {
	if !p.ingest.Running() {
		return fmt.Errorf("the ingest has ended; its log %s ends with:\n%s", p.ingest.LogPath(), p.ingest.Tail(10))
	}
	if p.generated() && !p.stopped {
		if code, _ := p.generate.Wait(context.Background()); code != 0 {
			return fmt.Errorf("the generator has ended with exit code %d; its log %s ends with:\n%s", code, p.generate.LogPath(), p.generate.Tail(10))
		}
	}
	return nil
}

// generated tells whether the generator has ended, all its tweets delivered.
func (p *pipelines) generated() bool { return !p.generate.Running() }

// endGenerator asks the generator to end, and waits for what it has under way.
func (p *pipelines) endGenerator() error {
	if err := p.generate.Stop(stopLimit); err != nil {
		return fmt.Errorf("stopping the generator: %w", err)
	}
	return nil
}

// close ends both, in good order unless ctx has ended.
func (p *pipelines) close(ctx context.Context) {
	for _, child := range []*process.Process{p.generate, p.ingest} {
		if ctx.Err() != nil {
			_ = child.Kill()
		} else {
			_ = child.Stop(stopLimit)
		}
	}
}
