package components_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// kept are the messages of a run, as each output got them.
type kept struct {
	mu       sync.Mutex
	messages map[string][]*service.Message // by the name of the output
	failed   map[string]bool               // positions that were rejected once
	caches   bool                          // contents
	cache    map[string][]byte             // content of the cache at the end
}

// register adds the output `keep` to an environment. It is sometimes slow, rejects some
// messages the first time (fails), and keeps all others without a copy.
func (k *kept) register(env *service.Environment) error {
	spec := service.NewConfigSpec().Fields(
		service.NewStringField("name"),
		service.NewBoolField("fails").Default(false),
		service.NewBoolField("slow").Default(false))
	return env.RegisterBatchOutput("keep", spec, func(parsed *service.ParsedConfig, res *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		o := &keep{kept: k, res: res}
		var err [3]error
		o.name, err[0] = parsed.FieldString("name")
		o.fails, err[1] = parsed.FieldBool("fails")
		o.slow, err[2] = parsed.FieldBool("slow")
		return o, service.BatchPolicy{}, 8, errors.Join(err[:]...)
	})
}

type keep struct {
	*kept
	res   *service.Resources
	name  string
	fails bool
	slow  bool
}

func (o *keep) Connect(context.Context) error { return nil }

func (o *keep) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	refused := false
	for _, m := range batch {
		at := placeOf(m)
		o.mu.Lock()
		first := !o.failed[o.name+at]
		o.failed[o.name+at] = true
		o.mu.Unlock()
		hash := 0
		for _, c := range []byte(at) {
			hash = 31*hash + int(c)
		}
		if o.slow && hash%4 == 0 {
			select {
			case <-time.After(30 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if o.fails && first && hash%10 == 0 {
			refused = true
		}
	}
	if refused {
		return errors.New("refused")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages[o.name] = append(o.messages[o.name], batch...)
	return nil
}

// Close reads the content of the cache, if there is one.
func (o *keep) Close(ctx context.Context) error {
	if !o.caches {
		return nil
	}
	return o.res.AccessCache(ctx, "memory", func(c service.Cache) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for p := range partitions {
			for offset := range batches * each {
				key := fmt.Sprintf("%d/%d", p, offset)
				if b, err := c.Get(ctx, key); err == nil {
					o.cache[key] = b
				}
			}
		}
	})
}

// placeOf returns the position in a message's metadata.
func placeOf(m *service.Message) string {
	p, _ := m.MetaGetMut("kafka_partition")
	o, _ := m.MetaGetMut("kafka_offset")
	return fmt.Sprintf("%v/%v", p, o)
}

// places returns the records in a message, or an error if its bytes are not those of
// its position.
func places(m *service.Message) (at []string, err error) {
	b, err := m.AsBytes()
	if err != nil {
		return nil, err
	}
	return placesOf(placeOf(m), b)
}

func placesOf(place string, b []byte) (at []string, err error) {
	var partition, offset int
	if _, err := fmt.Sscanf(place, "%d/%d", &partition, &offset); err != nil {
		return nil, fmt.Errorf("a message has the position %s: %w", place, err)
	}
	switch {
	case bytes.HasPrefix(b, []byte("{")):
		if !bytes.Equal(b, value(partition, offset)) {
			return nil, fmt.Errorf("the record of %s has the bytes %.100q", place, b)
		}
		return []string{place}, nil
	case bytes.HasPrefix(b, []byte("tweets,")):
		return placesOfLines(partition, b)
	}
	r, err := recordbatch.NewDecompressor(1 << 20).CheckingReader(b)
	if err != nil {
		return nil, fmt.Errorf("the batch of %s: %w", place, err)
	}
	var rec recordbatch.Record
	for r.Next(&rec) {
		if want := value(partition, int(rec.Offset)); !bytes.Equal(rec.Value, want) {
			return nil, fmt.Errorf("offset %d of the batch of %s has the bytes %.100q", rec.Offset, place, rec.Value)
		}
		at = append(at, fmt.Sprintf("%d/%d", partition, rec.Offset))
	}
	if base := r.Header().BaseOffset; base != int64(offset) {
		return nil, fmt.Errorf("the batch of %s is that of offset %d", place, base)
	}
	return at, r.Err()
}

// placesOfLines reads points, each of the tweet of one second.
func placesOfLines(partition int, b []byte) (at []string, err error) {
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "tweets,") {
			continue // a coverage point
		}
		var seconds, rest int64
		if _, err := fmt.Sscanf(line, fmt.Sprintf("tweets,brand=B%d,sentiment=positive count=1i %%10d%%d\n", partition), &seconds, &rest); err != nil {
			return nil, fmt.Errorf("a line of partition %d: %w: %s", partition, err, line)
		}
		at = append(at, fmt.Sprintf("%d/%d", partition, seconds-1_700_000_000))
	}
	return at, nil
}

// records returns the number of records that an output has, each counted once.
func (k *kept) records(output string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range k.messages[output] {
		at, _ := places(m) // check reports the error
		for _, place := range at {
			seen[place] = true
		}
	}
	return len(seen)
}

// check compares the outputs with the log. Each record must be in at least one of them,
// in each of the named outputs, or, if none is named, at least intact.
func (k *kept) check(t *testing.T, all ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := map[string]map[string]bool{}
	wrong, messages := 0, 0
	for name, of := range k.messages {
		seen[name] = map[string]bool{}
		for _, m := range of {
			messages++
			at, err := places(m)
			if err != nil {
				if wrong++; wrong <= 3 {
					t.Errorf("%s: %v", name, err)
				}
			}
			for _, place := range at {
				seen[name][place] = true
			}
		}
	}
	for key, b := range k.cache {
		if _, err := placesOf(key, b); err != nil {
			if wrong++; wrong <= 3 {
				t.Errorf("the cache: %v", err)
			}
		}
	}
	if k.caches && len(k.cache) == 0 {
		t.Error("nothing is in the cache")
	}
	if wrong > 0 {
		t.Errorf("%d of %d messages have the bytes of others", wrong, messages+len(k.cache))
	}
	for _, name := range all {
		if n := len(seen[name]); n != partitions*batches*each {
			t.Errorf("%s has %d of the %d records", name, n, partitions*batches*each)
		}
	}
}
