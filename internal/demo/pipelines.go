package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// stopLimit is how long a pipeline may take to end gracefully. It is above the
// shutdown_timeout of the configs.
const stopLimit = 30 * time.Second

// pipelines are the shipped configs, each run by its own process.
type pipelines struct {
	dir string
	o   Options
	k   *kafka
	db  *influxd.Database
	at  addresses

	generate      atomic.Pointer[process.Process] // nil until it is started, as the others
	second        atomic.Pointer[process.Process] // another instance of the ingest, for a spike
	ingest        *process.Process
	texts         *process.Process // nil without a dashboard
	ingestCommand process.Command
	stopped       bool // the generator was stopped by the demo
	hopeless      bool // a server has ended, so no pipeline can end gracefully
}

func newPipelines(dir string, o Options, k *kafka, db *influxd.Database, at addresses) *pipelines {
	return &pipelines{dir: dir, o: o, k: k, db: db, at: at}
}

// addresses are those of the pipelines' metrics.
type addresses struct {
	ingest, second, generate, texts string // HOST:PORT
}

func httpAddresses() (addresses, error) {
	ports, err := process.FreePorts(4)
	if err != nil {
		return addresses{}, err
	}
	address := func(i int) string { return "127.0.0.1:" + strconv.Itoa(ports[i]) }
	return addresses{ingest: address(0), generate: address(1), texts: address(2), second: address(3)}, nil
}

// start runs a shipped config. The variables are added to the common ones.
func (p *pipelines) start(name string, variables ...string) (*process.Process, process.Command, error) {
	c, err := command(p.dir, p.o.Binary, name, append(variables,
		"KAFKA_BROKERS="+p.k.brokers, "TOPIC="+p.k.topic, "PROGRESS=never"))
	if err != nil {
		return nil, c, err
	}
	if p.o.Spike && name == p.o.ingestConfig() {
		c.Args = slices.Insert(c.Args, 1, "--set", insideSleep)
		if p.ingest != nil {
			c.Log = filepath.Join(p.dir, "second-"+name+".log")
		}
	}
	started, err := process.Start(c)
	return started, c, err
}

func (p *pipelines) startGenerator() error {
	if p.o.Spike {
		return p.startEdge()
	}
	generator, _, err := p.start("generate.yaml",
		"HTTP_ADDRESS="+p.at.generate,
		"RATE="+strconv.FormatFloat(p.o.Rate, 'f', -1, 64),
		"COUNT="+strconv.FormatInt(p.o.Count, 10),
		"SEED="+strconv.FormatInt(p.o.Seed, 10),
		"MODE="+p.o.Mode)
	if err != nil {
		return err
	}
	p.generate.Store(generator)
	return nil
}

// startReaders starts the ingest and, for the dashboard, the sample of texts.
func (p *pipelines) startReaders() (err error) {
	p.ingest, p.ingestCommand, err = p.startIngest("demo", p.at.ingest)
	if err != nil || !p.o.Dashboard {
		return err
	}
	p.texts, _, err = p.start("texts.yaml", append([]string{
		"HTTP_ADDRESS=" + p.at.texts,
		"TEXTS_GROUP=" + p.k.group + "-texts",
		"TEXTS_MEASUREMENT=" + textsMeasurement,
		"EVERY=" + strconv.Itoa(textsEvery(p.o.Rate)),
	}, p.influx()...)...)
	return err
}

// startIngest starts an instance of the ingest. After a crash and a restart, an instance
// of the same name gets its partitions back at once.
func (p *pipelines) startIngest(instance, address string) (*process.Process, process.Command, error) {
	variables := append([]string{
		"HTTP_ADDRESS=" + address,
		"CONSUMER_GROUP=" + p.k.group,
		"DEAD_TOPIC=" + p.k.dead,
		"INSTANCE_ID=" + instance,
	}, p.influx()...)
	if p.o.Spike {
		variables = append(variables, p.limits()...)
	}
	return p.start(p.o.ingestConfig(), variables...)
}

func (p *pipelines) influx() []string {
	return []string{
		"INFLUXDB_URL=" + p.db.URL,
		"INFLUXDB_TOKEN=" + p.db.Token,
		"INFLUXDB_ORG=" + p.db.Org,
		"INFLUXDB_BUCKET=" + p.db.Bucket,
		"INFLUXDB_CREATE_BUCKET=true",
	}
}

// metrics returns the addresses of the metrics that the dashboard shows.
func (p *pipelines) metrics() []string {
	addresses := []string{metricsOf(p.at.generate), metricsOf(p.at.ingest)}
	if p.o.Spike {
		addresses = append(addresses, metricsOf(p.at.second))
	}
	return addresses
}

// silent reports whether no pipeline has to respond at an address of metrics. The
// generator's end is no problem, since the demo ends if it fails, and the second instance
// is started late.
func (p *pipelines) silent(address string) bool {
	switch address {
	case metricsOf(p.at.generate):
		return p.generated()
	case metricsOf(p.at.second):
		return p.second.Load() == nil
	}
	return false
}

// textsMeasurement is the measurement of the sample of texts.
const textsMeasurement = "tweet_texts"

// textsEvery: the text of one of this many tweets is stored, about twenty per second.
func textsEvery(rate float64) int {
	if rate == 0 {
		return 10_000
	}
	return int(max(1, rate/20))
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
		return fmt.Errorf("restarting the ingest: %w", err)
	}
	p.ingest = ingest
	return nil
}

// check returns an error if a pipeline has ended unexpectedly.
func (p *pipelines) check() error {
	for name, child := range map[string]*process.Process{"ingest": p.ingest, "second ingest": p.second.Load(), "sample of texts": p.texts} {
		if child != nil && !child.Running() {
			return fmt.Errorf("the %s has ended. The end of its log %s:\n%s", name, child.LogPath(), child.Tail(10))
		}
	}
	if p.generated() && !p.stopped {
		generator := p.generate.Load()
		if code, _ := generator.Wait(context.Background()); code != 0 {
			return fmt.Errorf("the generator has ended with exit code %d. The end of its log %s:\n%s", code, generator.LogPath(), generator.Tail(10))
		}
	}
	return nil
}

// generated reports whether the generator was started and has ended: all its tweets are
// delivered, unless check returns an error. The dashboard asks at any time.
func (p *pipelines) generated() bool {
	generator := p.generate.Load()
	return generator != nil && !generator.Running()
}

// endGenerator stops the generator, and waits for its unacknowledged tweets.
func (p *pipelines) endGenerator() error {
	if err := p.generate.Load().Stop(stopLimit); err != nil {
		return fmt.Errorf("stopping the generator: %w", err)
	}
	return nil
}

// close ends the pipelines, gracefully unless ctx has ended or a server is gone that
// they would wait for. The demo needs nothing more from those that read, so all end at
// the same time.
func (p *pipelines) close(ctx context.Context) {
	var ending sync.WaitGroup
	for _, child := range []*process.Process{p.generate.Load(), p.ingest, p.second.Load(), p.texts} {
		if child == nil {
			continue
		}
		ending.Go(func() {
			if ctx.Err() != nil || p.hopeless {
				_ = child.Kill()
			} else {
				_ = child.Stop(stopLimit)
			}
		})
	}
	ending.Wait()
}
