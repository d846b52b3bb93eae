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
	generate *process.Process
	ingest   *process.Process
	stopped  bool // the generator, by us
}

func startPipelines(dir string, o Options, k *kafka, db *influxd.Database) (*pipelines, error) {
	ports, err := process.FreePorts(2)
	if err != nil {
		return nil, err
	}
	common := []string{
		"KAFKA_BROKERS=" + k.brokers,
		"TOPIC=" + k.topic,
		"PROGRESS=never",
	}
	p := &pipelines{}
	p.ingest, err = run(dir, o.Binary, "ingest.yaml", append([]string{
		"HTTP_ADDRESS=127.0.0.1:" + strconv.Itoa(ports[0]),
		"CONSUMER_GROUP=" + k.group,
		"DEAD_TOPIC=" + k.dead,
		"INFLUXDB_URL=" + db.URL,
		"INFLUXDB_TOKEN=" + db.Token,
		"INFLUXDB_ORG=" + db.Org,
		"INFLUXDB_BUCKET=" + db.Bucket,
		"INFLUXDB_CREATE_BUCKET=true",
	}, common...))
	if err != nil {
		return nil, err
	}
	p.generate, err = run(dir, o.Binary, "generate.yaml", append([]string{
		"HTTP_ADDRESS=127.0.0.1:" + strconv.Itoa(ports[1]),
		"RATE=" + strconv.FormatFloat(o.Rate, 'f', -1, 64),
		"COUNT=" + strconv.FormatInt(o.Count, 10),
		"SEED=" + strconv.FormatInt(o.Seed, 10),
		"MODE=" + o.Mode,
	}, common...))
	if err != nil {
		_ = p.ingest.Kill()
		return nil, err
	}
	return p, nil
}

// run starts the binary on one of the shipped configs, as a user would.
func run(dir, binary, name string, env []string) (*process.Process, error) {
	yaml, err := config.Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, yaml, 0o600); err != nil {
		return nil, fmt.Errorf("writing %s: %w", file, err)
	}
	return process.Start(process.Command{
		Path: binary,
		Args: []string{"run", file},
		Env:  process.Environment(dir, env...),
		Log:  file + ".log",
	})
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
