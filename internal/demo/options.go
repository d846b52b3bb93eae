package demo

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Options are the settings of a demo.
type Options struct {
	Count int64   // number of tweets; 0: until stop
	Rate  float64 // tweets per second; 0: as fast as possible
	Mode  string  // fixed or volatile
	Seed  int64   // 0: random
	Stock bool    // read with ingest.yaml, which has Benthos's own Kafka input
	Crash bool    // kill the ingest during the run
	Keep  bool    // keep everything but the generator running until ctx ends

	// Spike replays spike.yaml, with its durations divided by Speed, instead of Count
	// tweets at Rate. Picture is the file for its picture; empty for none.
	Spike   bool
	Speed   float64
	Picture string

	// Dashboard serves the dashboard, and stores a sample of texts for it.
	Dashboard bool

	// KafkaBrokers are the addresses of a running Kafka; if empty, one is embedded.
	KafkaBrokers string
	// Influx is a running InfluxDB; if its URL is empty, one is started.
	Influx InfluxOptions

	// Binary runs the pipelines: brandpulse-connect itself. Name is the user's command
	// for it, for the printed commands.
	Binary, Name string
	// Terminal means that Out is a terminal, whose lines can be overwritten. Width
	// returns its width in columns.
	Terminal bool
	Width    func() int
	Out      io.Writer
}

// InfluxOptions are the settings to reach a running InfluxDB, in which the demo creates
// a bucket.
type InfluxOptions struct {
	URL, Token, Org string
}

// Limits of the generator's settings.
const (
	minRate = 0.001
	maxRate = 1e9
	maxSeed = 1<<53 - 1
	// Faster, a second instance would not be ready before the end.
	minSpeed = 1
	maxSpeed = 40
)

// Check rejects settings that a server or pipeline would reject later, and names the
// flags.
func (o Options) Check() error {
	switch {
	case o.Count < 0:
		return fmt.Errorf("--count is %d: it must be 0 (until Ctrl-C) or more", o.Count)
	case math.IsNaN(o.Rate) || o.Rate != 0 && (o.Rate < minRate || o.Rate > maxRate):
		return fmt.Errorf("--rate is %v: it must be 0 (as fast as possible) or from %v to %d", o.Rate, minRate, int64(maxRate))
	case o.Mode != "fixed" && o.Mode != "volatile":
		return fmt.Errorf("--mode is %q: it must be fixed or volatile", o.Mode)
	case o.Seed < 0 || o.Seed > maxSeed:
		return fmt.Errorf("--seed is %d: it must be 0 (random) or from 1 to %d", o.Seed, maxSeed)
	case o.Spike && (o.Crash || o.Stock):
		return errors.New("--spike shows one thing at a time: leave out --crash and --stock")
	case o.Spike && !(o.Speed >= minSpeed && o.Speed <= maxSpeed):
		return fmt.Errorf("--speed is %v: it must be from %d to %d", o.Speed, minSpeed, maxSpeed)
	case !o.Spike && o.Picture != "":
		return errors.New("--picture is one of a spike: add --spike, or leave it out")
	case o.Crash && o.Stock:
		return errors.New("--crash and --stock: after a crash ingest.yaml can count tweets twice, so the comparison would fail. Leave one of them out")
	}
	for broker := range strings.SplitSeq(o.KafkaBrokers, ",") {
		if o.KafkaBrokers == "" {
			break
		}
		if strings.Contains(broker, "@") { // The address may contain a password, so it is not shown.
			return errors.New("--kafka: an address must be like localhost:9092, without a user or a password")
		}
		if err := checkBroker(broker); err != nil {
			return fmt.Errorf("--kafka %s: %w", o.KafkaBrokers, err)
		}
	}
	if o.Influx.URL == "" {
		return nil
	}
	u, err := url.Parse(o.Influx.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("--influxdb-url must be like http://localhost:8086")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("--influxdb-url must not contain a user, a query or a fragment. Set INFLUXDB_TOKEN to a token, or to user:password for 1.8")
	}
	return nil
}

func checkBroker(broker string) error {
	host, port, err := net.SplitHostPort(broker)
	if err != nil || host == "" {
		return fmt.Errorf("%q must be like localhost:9092", broker)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > math.MaxUint16 {
		return fmt.Errorf("the port of %q must be from 1 to 65535", broker)
	}
	return nil
}

// ingestConfig returns the shipped pipeline that counts.
func (o Options) ingestConfig() string {
	if o.Stock {
		return "ingest.yaml"
	}
	return "exact.yaml"
}

// crashes returns the numbers of stored tweets at which the ingest is killed: three
// during the run.
func (o Options) crashes() []int64 {
	if !o.Crash {
		return nil
	}
	count := o.Count
	if count == 0 {
		count = 1_000_000
	}
	return []int64{count / 4, count / 2, count * 3 / 4}
}
