package kafkad

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Cluster is several servers that are one Kafka. Each is broker and controller:
// it works as long as more than half of them do.
type Cluster struct {
	Servers []*Server // with node.id 1, 2 and so on
	log     string
}

// StartCluster starts so many servers, in folders below Dir of the options, on
// free ports. Topics have a replica on each of them, and a record is taken when
// more than half have it, unless the properties say otherwise. They write into
// one log.
func StartCluster(ctx context.Context, o Options, servers int) (*Cluster, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of Kafka: %w", err)
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
	// A server answers when there are controllers enough: all are started at once.
	errs := make([]error, servers)
	var wait sync.WaitGroup
	for i := range servers {
		one := o
		one.Dir = filepath.Join(o.Dir, strconv.Itoa(i+1))
		one.Port, one.ClusterID, one.log = ports[i], id, c.log
		one.Properties = map[string]string{
			"node.id":                                  strconv.Itoa(i + 1),
			"controller.quorum.voters":                 strings.Join(voters, ","),
			"listeners":                                fmt.Sprintf("PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", ports[i], ports[servers+i]),
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

// Addresses are those of the servers, 127.0.0.1:PORT.
func (c *Cluster) Addresses() []string {
	var addresses []string
	for _, s := range c.Servers {
		addresses = append(addresses, s.Address)
	}
	return addresses
}

// Stop ends the servers as a crash would: in good order the last ones would wait
// for a controller, in vain.
func (c *Cluster) Stop() error {
	var errs []error
	for _, s := range c.Servers {
		if s != nil {
			errs = append(errs, s.Kill())
		}
	}
	return errors.Join(errs...)
}

// LogPath is the file with all that the servers have printed.
func (c *Cluster) LogPath() string { return c.log }
