package kafkad

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Cluster is several servers that form one Kafka. Each is a broker and a controller.
// The cluster works as long as more than half of them do.
type Cluster struct {
	Servers []*Server // with node.id 1, 2 and so on
	log     string
}

// StartCluster starts that many servers, in folders below Dir of the options, on free
// ports. Unless the properties change it, topics have a replica on each server, and a
// record is acknowledged when more than half of them have it. All servers write to one
// log file.
func StartCluster(ctx context.Context, o Options, servers int) (*Cluster, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating the folder of Kafka: %w", err)
	}
	ports, err := process.FreePorts(2 * servers)
	if err != nil {
		return nil, err
	}
	id := newClusterID()
	var voters []string
	for i := range servers {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, ports[servers+i]))
	}
	replicas, majority := strconv.Itoa(servers), strconv.Itoa(servers/2+1)
	c := &Cluster{Servers: make([]*Server, servers), log: filepath.Join(o.Dir, "kafka.log")}
	// A server responds only once there are enough controllers, so all are started at
	// once.
	errs := make([]error, servers)
	var wait sync.WaitGroup
	for i := range servers {
		one := o
		one.Dir = filepath.Join(o.Dir, strconv.Itoa(i+1))
		one.Port, one.controllerPort, one.ClusterID, one.log = ports[i], ports[servers+i], id, c.log
		one.Listeners = slices.Clone(o.Listeners)
		for j, l := range o.Listeners {
			if l.AdvertisedBy != 0 && l.AdvertisedBy != i+1 {
				one.Listeners[j].Advertise = ""
			}
		}
		one.Properties = map[string]string{
			"node.id":                                  strconv.Itoa(i + 1),
			"controller.quorum.voters":                 strings.Join(voters, ","),
			"default.replication.factor":               replicas,
			"min.insync.replicas":                      majority,
			"offsets.topic.replication.factor":         replicas,
			"transaction.state.log.replication.factor": replicas,
			"transaction.state.log.min.isr":            majority,
		}
		maps.Copy(one.Properties, o.Properties)
		wait.Go(func() { c.Servers[i], errs[i] = Start(ctx, one) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// Addresses returns the addresses of the servers, 127.0.0.1:PORT.
func (c *Cluster) Addresses() []string {
	var addresses []string
	for _, s := range c.Servers {
		addresses = append(addresses, s.Address)
	}
	return addresses
}

// Stop ends the servers as a crash would: stopped gracefully, the last ones would wait
// in vain for a controller.
func (c *Cluster) Stop() error {
	var errs []error
	for _, s := range c.Servers {
		if s != nil {
			errs = append(errs, s.Kill())
		}
	}
	return errors.Join(errs...)
}

// LogPath returns the path of the file with the servers' output.
func (c *Cluster) LogPath() string { return c.log }
