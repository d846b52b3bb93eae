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

// Options say what to run.
type Options struct {
	Count int64   // tweets; 0 until the context ends
	Rate  float64 // tweets/s; 0 as fast as it goes
	Mode  string  // fixed or volatile
	Seed  int64   // 0 draws one
	Stock bool    // read with ingest.yaml, whose input is Benthos's own
	Crash bool    // kill the ingest on the way
	Keep  bool    // leave all but the generator running at the end until the context ends again

	// Dashboard serves the page that shows all of it, and stores a sample of texts
	// for it.
	Dashboard bool

	// KafkaBrokers are those of a Kafka that runs already; empty embeds one.
	KafkaBrokers string
	// Influx is an InfluxDB that runs already; an empty URL starts one.
	Influx InfluxOptions

	// Binary runs the pipelines: brandpulse-connect itself. Name is how the user
	// calls it, for commands to paste.
	Binary, Name string
	// Terminal says that Out is one, and lines may be drawn over; Width is its
	// width in columns.
	Terminal bool
	Width    func() int
	Out      io.Writer
}

// InfluxOptions reach an InfluxDB that runs already. The demo makes a bucket
// of its own in it.
type InfluxOptions struct {
	URL, Token, Org string
}

// Limits of the generator's settings.
const (
	minRate = 0.001
	maxRate = 1e9
	maxSeed = 1<<53 - 1
)

// Check refuses what one of the servers or pipelines would refuse later, in the
// words of the command line.
func (o Options) Check() error {
	switch {
	case o.Count < 0:
		return fmt.Errorf("--count %d: it must be 0 (until Ctrl-C) or more", o.Count)
	case math.IsNaN(o.Rate) || o.Rate != 0 && (o.Rate < minRate || o.Rate > maxRate):
		return fmt.Errorf("--rate %v: it must be 0 (as fast as it goes) or from %v to %d", o.Rate, minRate, int64(maxRate))
	case o.Mode != "fixed" && o.Mode != "volatile":
		return fmt.Errorf("--mode %q: it must be fixed or volatile", o.Mode)
	case o.Seed < 0 || o.Seed > maxSeed:
		return fmt.Errorf("--seed %d: it must be 0 (draws one) or from 1 to %d", o.Seed, maxSeed)
	case o.Crash && o.Stock:
		return errors.New("--crash and --stock: after a crash ingest.yaml can count tweets twice, so the comparison would fail. Leave one of them out")
	}
	for broker := range strings.SplitSeq(o.KafkaBrokers, ",") {
		if o.KafkaBrokers == "" {
			break
		}
		if strings.Contains(broker, "@") { // it may be a password
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
		return errors.New("--influxdb-url: it must be like http://localhost:8086")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("--influxdb-url: it must have no user, query or fragment. Set INFLUXDB_TOKEN to a token, or to user:password for 1.8")
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

// ingestConfig is the shipped pipeline that counts.
func (o Options) ingestConfig() string {
	if o.Stock {
		return "ingest.yaml"
	}
	return "exact.yaml"
}

// crashes are the numbers of stored tweets at which the ingest is killed: three on
// the way.
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
