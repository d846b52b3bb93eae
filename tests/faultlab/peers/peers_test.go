package peers_test

import (
	"flag"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var (
	compare  = flag.Bool("compare", false, "measure all pipelines under all faults, and print a table")
	version  = flag.String("influxdb", testenv.InfluxV2, "version of InfluxDB")
	rate     = flag.Int("rate", 10_000, "tweets a second while a fault lasts")
	batch    = flag.Int("batch", 1000, "tweets that have the same millisecond")
	calm     = flag.Duration("calm", 20*time.Second, "how long F01 takes")
	kills    = flag.Duration("kills", time.Minute, "how long F03 takes")
	outage   = flag.Duration("outage", 30*time.Second, "how long InfluxDB refuses connections in F08; it is slow for a sixth of that, and narrow for another")
	seed     = flag.Uint64("seed", 1, "of the times of F03")
	patience = flag.Duration("patience", time.Minute, "how long a pipeline may take to catch up after a fault")
)

// byChance is how many tweets may share a nanosecond if that is left to chance, in a
// run without a fault.
const byChance = 5

// If this fails, one of our pipelines does not keep its promise, or a peer is not
// configured as well as documented.
func TestPeers(t *testing.T) {
	if !*compare {
		t.Skip("a comparison of half an hour: make faultlab-peers")
	}
	var results []result
	for _, f := range faults {
		for _, p := range pipelines {
			if p.calm && f.name != "F01" {
				continue
			}
			t.Run(f.name+"/"+path.Base(p.config), func(t *testing.T) {
				r := measure(t, p, f)
				results = append(results, r)
				switch wrong := r.lost + r.doubled; {
				case p.exact && wrong > 0:
					t.Errorf("%d tweets are lost and %d doubled of what must be exact", r.lost, r.doubled)
				case f.name == "F01" && !p.calm && wrong > byChance:
					t.Errorf("%d tweets are lost and %d doubled without a fault", r.lost, r.doubled)
				}
			})
		}
	}
	fmt.Println(table(results))
}

// run is one pipeline under one fault.
type run struct {
	t       *testing.T
	began   time.Time
	program *testenv.Program
	reader  *stream.Reader
	influx  *faultlab.Link
	admin   *kadm.Client
	most    int64 // see committed
	killed  int   // times
}

func measure(t *testing.T, p pipeline, f fault) result {
	s := stream.New(t, stream.Partitions)
	takeOffsets(t, s)
	server := testenv.OwnInflux(t, influxd.Options{Version: *version})
	r := &run{t: t, began: time.Now(), admin: kadm.NewClient(s.Kafka.Client(t))}
	through := r.link(server.Database)
	r.program, r.reader = p.start(t, s, through)
	generator := s.Generate(t, stream.Env{
		"RATE":       strconv.Itoa(*rate),
		"COUNT":      strconv.Itoa(int(f.last().Seconds() * float64(*rate))),
		"BATCH_SIZE": strconv.Itoa(*batch),
	})
	f.do(r)
	stream.MustEndWell(t, generator, time.Minute)
	if !r.program.Running() {
		t.Fatal("the pipeline has ended")
	}
	unread := r.drain()
	r.event("exit code %d", r.program.Stop(t)) // with tweets held by an aggregator

	want := s.Read(t)
	got, err := oracle.ReadInflux(t.Context(), server.Database)
	if err != nil {
		t.Fatal(err)
	}
	lost, doubled := differences(got, want)
	result := result{
		pipeline: p.name, fault: f.does, tweets: want.Total(),
		lost: lost, doubled: doubled, unread: unread, kills: r.killed, peak: r.program.PeakRSS(t),
	}
	t.Logf("%+v", result)
	return result
}

// takeOffsets waits until the broker has created the topic of commits: without it
// Telegraf takes half a minute.
func takeOffsets(t *testing.T, s *stream.Stream) {
	t.Helper()
	client := s.Kafka.Client(t)
	defer client.Close()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: s.Topic, LeaderEpoch: -1})
	testenv.Eventually(t, time.Minute, "the broker takes offsets", func() error {
		return kadm.NewClient(client).CommitAllOffsets(t.Context(), s.Topic, offsets)
	})
}

// link starts a proxy in front of InfluxDB, and returns the bucket as seen through it.
func (r *run) link(bucket *influxd.Database) *influxd.Database {
	r.t.Helper()
	server, err := url.Parse(bucket.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	ports, err := process.FreePorts(1)
	if err != nil {
		r.t.Fatal(err)
	}
	r.influx = faultlab.NewLink(r.t, "InfluxDB", fmt.Sprintf("127.0.0.1:%d", ports[0]), server.Host)
	through := *bucket
	through.URL = "http://" + r.influx.Address
	return &through
}

func (r *run) event(format string, args ...any) {
	r.t.Helper()
	r.t.Logf("%5.1f s: %s, lag %d", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...), r.reader.Lag(r.t))
}

// drain waits until everything is committed, and returns what is not when the patience
// is over.
func (r *run) drain() (unread int64) {
	r.t.Helper()
	for deadline := time.Now().Add(*patience); ; time.Sleep(200 * time.Millisecond) {
		if unread = r.reader.Lag(r.t); unread == 0 || time.Now().After(deadline) {
			return unread
		}
	}
}

// committed returns the highest committed offsets seen so far: a group whose
// coordinator moves returns none.
func (r *run) committed() int64 {
	r.t.Helper()
	var sum int64
	for _, next := range r.reader.Committed(r.t.Context(), r.admin) {
		sum += next
	}
	r.most = max(r.most, sum)
	return r.most
}
