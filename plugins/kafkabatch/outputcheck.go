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
	return o.checkTopic(ctx, admin)
}

func (o *output) errUnreached(err error) error {
	if o.conf.HasLogin() && errors.Is(err, kerr.IllegalSaslState) {
		return fmt.Errorf("reaching a broker at %s: %w: this listener expects no login; remove sasl, or use the port of a listener with SASL", strings.Join(o.conf.Seeds, ", "), err)
	}
	return fmt.Errorf("reaching a broker at %s: %w; check seed_brokers, tls and sasl, and that it is running", strings.Join(o.conf.Seeds, ", "), err)
}

func (o *output) errTopic(err error) error {
	err = fmt.Errorf("looking up the topic %s: %w", o.conf.staticTopic, err)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return fmt.Errorf("%w: allow %s the operation Write on it", err, o.conf.Who())
	}
	return err
}

// checkTopic compares the settings of the topic with ours. A user who may not read those
// may still write.
func (o *output) checkTopic(ctx context.Context, admin *kadm.Client) error {
	if o.conf.whole && !o.conf.unheard() {
		return nil
	}
	topic := o.conf.staticTopic
	settings, err := conn.Settings(ctx, admin, []string{topic})
	switch {
	case err != nil && o.conf.unheard():
		o.log.Warnf("Cannot check whether the topic %s accepts all that is written: %v. With acks: none, records that it refuses are lost. Set acks to leader or all, or restart once the topic exists and %s has the operation DescribeConfigs on it", topic, err, o.conf.Who())
		return nil
	case err != nil:
		o.log.Debugf("Checking the settings of the topic %s: %v", topic, err)
		return nil
	}
	limit, err := strconv.Atoi(settings[topic]["max.message.bytes"])
	tooLarge := err == nil && o.conf.produce.MaxBatchBytes > limit
	switch {
	case !o.conf.unheard() && tooLarge:
		return fmt.Errorf("%s is %d bytes, and the topic %s accepts batches of %d (max.message.bytes): those that are larger once compressed are sent in parts; lower the one or raise the other",
			fieldMaxBatchBytes, o.conf.produce.MaxBatchBytes, topic, limit)
	case tooLarge:
		return fmt.Errorf("%s is %d bytes, and the topic %s accepts batches of %d (max.message.bytes): with acks: none, larger ones would be lost; lower the one, raise the other, or set acks to leader or all",
			fieldMaxBatchBytes, o.conf.produce.MaxBatchBytes, topic, limit)
	case o.conf.unheard() && settings[topic].Compacted() && (o.conf.whole || o.conf.key == nil):
		return fmt.Errorf("the topic %s is compacted, and refuses records without a key: with acks: none, they would be lost with the records sent beside them; set acks to leader or all", topic)
	}
	return nil
}

// compareTopic logs what checkTopic finds. Such a topic can be written to, so it keeps the
// output from connecting only if nobody would hear what Kafka refuses.
func (o *output) compareTopic(ctx context.Context) error {
	if o.conf.staticTopic == "" {
		return nil
	}
	client, err := kgo.NewClient(o.conf.Options(version, o.log)...)
	if err != nil {
		return err
	}
	defer client.Close()
	err = o.checkTopic(ctx, kadm.NewClient(client))
	if err == nil || o.conf.unheard() {
		return err
	}
	o.log.Warnf("%v", err)
	return nil
}
