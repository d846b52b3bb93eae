package kafkad

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Options are the settings of a server.
type Options struct {
	// Dir is the folder of the server's data and its log, kafka.log. It must be empty
	// or not exist.
	Dir string
	// Port on 127.0.0.1; 0 picks a free one.
	Port int
	// HeapMB limits Java's heap; 512 if 0.
	HeapMB int
	// Optimized lets Java compile as for a server that runs for days: for
	// measurements. A test is over before that pays.
	Optimized bool
	// ClusterID is 16 bytes in Base64 for URLs; random if empty.
	ClusterID string
	// Listeners are the broker's listeners besides the one at Port.
	Listeners []Listener
	// Properties are added to the broker's own, or replace them.
	Properties map[string]string
	// Progress receives the steps of Get if Kafka must be downloaded first.
	Progress buildcache.Progress

	log            string   // a log file other than kafka.log
	controllerPort int      // 0 picks a free one
	javaOptions    []string // options of the broker's Java, besides the common ones
}

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
)

// Server is a running Kafka, or one that can be restarted. Its methods must not be
// called by several goroutines at once.
type Server struct {
	Address string // 127.0.0.1:PORT
	// Listeners are the addresses of Options.Listeners, by their names.
	Listeners map[string]string

	dir   string
	log   string
	node  string // node.id
	java  jvm
	args  []string // of the broker's Java
	ports []int
	child *process.Process
}

// Start gets Kafka (see Get), starts it and waits until it can create topics. It does
// not create topics automatically, so a wrong name is an error.
func Start(ctx context.Context, o Options) (*Server, error) {
	_, java, err := get(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	if !o.Optimized {
		java.options = append(java.options, quick...)
	}
	return java.begin(ctx, o)
}

// begin is Start with a Java that has the options to run Kafka.
func (j jvm) begin(ctx context.Context, o Options) (*Server, error) {
	ports, err := process.FreePorts(2 + len(o.Listeners))
	if err != nil {
		return nil, err
	}
	if o.Port != 0 {
		ports[0] = o.Port
	}
	if o.controllerPort != 0 {
		ports[1] = o.controllerPort
	}
	if o.HeapMB == 0 {
		o.HeapMB = 512
	}
	s := &Server{
		Address: fmt.Sprintf("127.0.0.1:%d", ports[0]),
		dir:     o.Dir,
		log:     cmp.Or(o.log, filepath.Join(o.Dir, "kafka.log")),
		java:    j,
		args:    slices.Concat(j.options, o.javaOptions, []string{fmt.Sprintf("-Xmx%dm", o.HeapMB)}),
		ports:   ports,

		Listeners: map[string]string{},
	}
	for i, l := range o.Listeners {
		s.Listeners[l.Name] = fmt.Sprintf("127.0.0.1:%d", ports[2+i])
	}
	if err := s.format(ctx, o); err != nil {
		return nil, fmt.Errorf("creating the folder of Kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// format writes the configuration, and the empty log of the cluster's metadata.
func (s *Server) format(ctx context.Context, o Options) error {
	if err := process.EmptyDir(o.Dir); err != nil {
		return err
	}
	properties := s.properties()
	s.listen(properties, o.Listeners)
	maps.Copy(properties, o.Properties)
	var file bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&file, "%s=%s\n", name, properties[name])
	}
	if err := os.WriteFile(s.config(), file.Bytes(), 0o600); err != nil {
		return err
	}
	s.node = properties["node.id"]
	if o.ClusterID == "" {
		o.ClusterID = newClusterID()
	}
	_, err := buildcache.Run(ctx, o.Dir, process.Environment(o.Dir), nil, s.java.path, slices.Concat(s.java.options, []string{
		// As one word: an id may begin with a dash, and would pass for an option.
		"kafka.tools.StorageTool", "format", "--cluster-id=" + o.ClusterID, "-c", s.config(),
	})...)
	return err
}

func newClusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func (s *Server) config() string { return filepath.Join(s.dir, "server.properties") }

func (s *Server) properties() map[string]string {
	controller := fmt.Sprintf("127.0.0.1:%d", s.ports[1])
	return map[string]string{
		"node.id":                   "1",
		"process.roles":             "broker,controller",
		"controller.quorum.voters":  "1@" + controller,
		"controller.listener.names": "CONTROLLER",
		"listeners":                 "PLAINTEXT://" + s.Address + ",CONTROLLER://" + controller,
		"advertised.listeners":      "PLAINTEXT://" + s.Address,
		"log.dirs":                  filepath.ToSlash(filepath.Join(s.dir, "data")),

		"auto.create.topics.enable": "false",
		"num.partitions":            "8",
		// Records never expire, whatever timestamps the tests give them.
		"log.retention.ms": "-1",

		// Internal topics on the single broker, with few partitions, since it opens
		// each of them at start.
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "4",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"share.coordinator.state.topic.num.partitions":     "1",

		// Groups form at once, and a test may choose that a silent member is removed
		// after a second.
		"group.initial.rebalance.delay.ms": "0",
		"group.min.session.timeout.ms":     "1000",
		// After a crash, the controller waits this long before it readmits the broker.
		"broker.session.timeout.ms":    "3000",
		"broker.heartbeat.interval.ms": "500",
	}
}

func (s *Server) start(ctx context.Context) error {
	for _, port := range s.ports {
		if err := process.CheckFree(port); err != nil {
			return err
		}
	}
	child, err := process.Start(process.Command{
		Path: s.java.path,
		Args: slices.Concat(s.args, []string{
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
			"-Dorg.slf4j.simpleLogger.showDateTime=true",
			"-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
			"kafka.Kafka", s.config(),
		}),
		Dir: s.dir,
		Env: process.Environment(s.dir),
		Log: s.LogPath(),
	})
	if err != nil {
		return err
	}
	s.child = child
	if err := child.Await(ctx, s.answers); err != nil {
		return errors.Join(fmt.Errorf("starting Kafka %s: %w", Version, err), child.Kill())
	}
	return nil
}

// answers reads the list of brokers. It contains a broker once the controller has
// admitted it; before that the broker responds but accepts no records.
func (s *Server) answers(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Address), kgo.RetryTimeout(time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	brokers, err := kadm.NewClient(client).ListBrokers(ctx)
	if err != nil {
		return err
	}
	for _, broker := range brokers {
		if strconv.Itoa(int(broker.NodeID)) == s.node {
			return nil
		}
	}
	return errors.New("the broker is not in the cluster yet")
}

// Restart starts the server again on the same port and data, after a Kill or a Stop. A
// running server is stopped first. It returns when the server responds.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.start(ctx)
}

// Stop ends the server gracefully.
func (s *Server) Stop() error { return s.child.Stop(stopTimeout) }

// Kill ends the server as a crash would (SIGKILL).
func (s *Server) Kill() error { return s.child.Kill() }

// Pause freezes the server (SIGSTOP): the kernel accepts connections, and nothing
// responds.
func (s *Server) Pause() error { return s.child.Pause() }

// Resume continues a paused server (SIGCONT).
func (s *Server) Resume() error { return s.child.Resume() }

// PID returns the id of the server's process; it changes with a Restart.
func (s *Server) PID() int { return s.child.PID() }

// LogPath returns the path of the file with the server's output.
func (s *Server) LogPath() string { return s.log }
