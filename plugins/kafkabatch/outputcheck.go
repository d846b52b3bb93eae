package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// ConnectionTest reaches a broker and, if the topic does not depend on messages, checks it.
func (o *output) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := o.test(ctx); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

func (o *output) test(ctx context.Context) error {
	client, err := kgo.NewClient(o.conf.Options(version, o.log)...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return o.errUnreached(err)
	}
	if o.conf.staticTopic == "" {
		return nil
	}
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx, o.conf.staticTopic)
	if err != nil {
		return o.errTopic(err)
	}
	if err := topics.Error(); err != nil {
		if o.conf.produce.CreateTopics {
			return nil // a write will ask for it
		}
		return o.errTopic(err)
	}
	return o.checkLimit(ctx, admin)
}

func (o *output) errUnreached(err error) error {
	return fmt.Errorf("reaching a broker at %s: %w; check seed_brokers, tls and sasl, and that it is running", strings.Join(o.conf.Seeds, ", "), err)
}

func (o *output) errTopic(err error) error {
	err = fmt.Errorf("looking up the topic %s: %w", o.conf.staticTopic, err)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return fmt.Errorf("%w: allow %s the operation Write on it", err, o.conf.Who())
	}
	return err
}

// checkLimit compares max_batch_bytes with the limit of the topic. A user who may not read
// that may still write.
func (o *output) checkLimit(ctx context.Context, admin *kadm.Client) error {
	if o.conf.whole {
		return nil
	}
	topic := o.conf.staticTopic
	settings, err := conn.Settings(ctx, admin, []string{topic})
	if err != nil {
		o.log.Debugf("Checking %s: %v", fieldMaxBatchBytes, err)
		return nil
	}
	limit, err := strconv.Atoi(settings[topic]["max.message.bytes"])
	if err == nil && o.conf.produce.MaxBatchBytes > limit {
		return fmt.Errorf("%s is %d bytes, and the topic %s accepts batches of %d (max.message.bytes): those that are larger once compressed are sent in parts; lower the one or raise the other",
			fieldMaxBatchBytes, o.conf.produce.MaxBatchBytes, topic, limit)
	}
	return nil
}

// warnOfLimit logs what checkLimit finds. Such a topic can be written to, so it does not
// keep the output from connecting.
func (o *output) warnOfLimit(ctx context.Context) {
	if o.conf.staticTopic == "" {
		return
	}
	client, err := kgo.NewClient(o.conf.Options(version, o.log)...)
	if err != nil {
		return // the producer's would have failed
	}
	defer client.Close()
	if err := o.checkLimit(ctx, kadm.NewClient(client)); err != nil {
		o.log.Warnf("%v", err)
	}
}
