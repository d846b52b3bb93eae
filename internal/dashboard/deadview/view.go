// Package deadview reads the newest records of a topic of dead letters. It joins
// no consumer group and commits nothing, so reading changes nothing in Kafka.
package deadview

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// MaxLetters is how many dead letters can be requested.
const MaxLetters = 200

const (
	// defaultTimeout limits one reading, from the request for the offsets to the last
	// record.
	defaultTimeout = 6 * time.Second
	// defaultFresh is how long an answer serves all viewers.
	defaultFresh = 2 * time.Second
	// maxMessageBytes limits an error that viewers see: it may quote a response.
	maxMessageBytes = 300
)

// Source is where the dead letters are.
type Source struct {
	Kafka []string // brokers; without them there is nothing to read
	Topic string   // empty: dead letters are not shown
}

// Kinds of problems, each with another remedy.
const (
	Off         = "off"         // the dashboard was started without brokers or topic
	Missing     = "missing"     // Kafka has no such topic
	Unreachable = "unreachable" // Kafka does not answer
)

// Problem is why there is no newer answer.
type Problem struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Since   int64  `json:"since"` // unix seconds
}

// Reason is how many of the letters have the same reason.
type Reason struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Update is the newest dead letters, as they were at the time Read.
type Update struct {
	Topic   string   `json:"topic"`
	Brokers string   `json:"brokers"`
	Letters []Letter `json:"letters"` // newest first
	Reasons []Reason `json:"reasons"` // of these letters, the most frequent first
	// Total is how many records the topic holds, by its offsets.
	Total int64 `json:"total"`
	// Note says which letters could not be read, and why.
	Note    string   `json:"note"`
	Read    int64    `json:"read"` // unix seconds; 0 before the first answer
	Problem *Problem `json:"problem"`
}

// View reads when somebody looks.
type View struct {
	source Source
	client *kgo.Client // for offsets; nil if there is nothing to read
	admin  *kadm.Client

	timeout, fresh time.Duration

	reading chan struct{} // holds a token while nobody reads
	// The rest belongs to the holder of the token.
	asked time.Time // of the newest attempt
	count int       // letters requested in it
	last  Update
	ends  map[int32]int64 // of the topic when the letters of last were read
	held  int             // letters requested in that reading
}

// New returns a view. It sends nothing before somebody looks.
func New(source Source) (*View, error) {
	v := &View{source: source, reading: make(chan struct{}, 1), timeout: defaultTimeout, fresh: defaultFresh}
	v.reading <- struct{}{}
	v.last = Update{Topic: source.Topic, Brokers: strings.Join(source.Kafka, ", "), Letters: []Letter{}, Reasons: []Reason{}}
	if len(source.Kafka) == 0 || source.Topic == "" {
		return v, nil
	}
	client, err := kgo.NewClient(v.options()...)
	if err != nil {
		return nil, fmt.Errorf("creating the Kafka client for dead letters: %w", err)
	}
	v.client, v.admin = client, kadm.NewClient(client)
	return v, nil
}

func (v *View) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(v.source.Kafka...), kgo.ClientID("brandpulse-dashboard"),
		kgo.RetryTimeout(v.timeout / 2), kgo.DialTimeout(v.timeout / 2),
		// A topic that is created while somebody looks is found soon.
		kgo.MetadataMinAge(time.Second),
		kgo.DisableClientMetrics(), // which would be sent to the brokers
	}
}

// Close closes the connections to Kafka.
func (v *View) Close() {
	if v.client != nil {
		v.client.Close()
	}
}

// Newest returns the newest n dead letters. Viewers who ask at the same time share
// one reading, and an answer serves all of them for two seconds.
func (v *View) Newest(ctx context.Context, n int) Update {
	if v.client == nil {
		u := v.last
		u.Problem = &Problem{Kind: Off}
		return u
	}
	select {
	case <-v.reading:
	case <-ctx.Done():
		return Update{Letters: []Letter{}, Reasons: []Reason{}, Problem: &Problem{Kind: Unreachable, Message: ctx.Err().Error()}}
	}
	defer func() { v.reading <- struct{}{} }()
	if n > v.count || time.Since(v.asked) >= v.fresh {
		// Not the viewer's context: others wait for the same answer.
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.timeout)
		err := v.read(reading, n)
		cancel()
		v.asked, v.count = time.Now(), n
		v.note(err)
	}
	return first(v.last, n)
}

// first limits an update to n letters, and counts their reasons.
func first(u Update, n int) Update {
	u.Letters = u.Letters[:min(n, len(u.Letters))]
	counts := map[string]int{}
	for _, l := range u.Letters {
		counts[l.Reason]++
	}
	u.Reasons = []Reason{}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		u.Reasons = append(u.Reasons, Reason{name, counts[name]})
	}
	slices.SortStableFunc(u.Reasons, func(a, b Reason) int { return cmp.Compare(b.Count, a.Count) })
	return u
}

// note records how a reading ended. The letters of the last success remain.
func (v *View) note(err error) {
	if err == nil {
		v.last.Problem, v.last.Read = nil, time.Now().Unix()
		return
	}
	p := &Problem{Kind: Unreachable, Message: bounded(err.Error(), maxMessageBytes), Since: time.Now().Unix()}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		p.Kind = Missing
	}
	if before := v.last.Problem; before != nil && before.Kind == p.Kind {
		p.Since = before.Since
	}
	if p.Kind == Missing {
		v.last.Letters, v.last.Total, v.last.Note, v.ends = []Letter{}, 0, "", nil
	}
	v.last.Problem = p
}

// read requests the offsets, and the records if there are new ones.
func (v *View) read(ctx context.Context, n int) error {
	starts, err := v.list(ctx, v.admin.ListStartOffsets)
	if err != nil {
		return err
	}
	ends, err := v.list(ctx, v.admin.ListEndOffsets)
	if err != nil {
		return err
	}
	v.last.Total = 0
	for partition, end := range ends {
		v.last.Total += end - starts[partition]
	}
	if maps.Equal(ends, v.ends) && n <= v.held {
		return nil
	}
	letters, note, err := v.letters(ctx, starts, ends, n)
	if errors.Is(err, errQuiet) {
		err, ends = nil, nil // read again next time
	}
	if err != nil {
		return err
	}
	v.last.Letters, v.last.Note, v.ends, v.held = letters, note, ends, n
	return nil
}

func (v *View) list(ctx context.Context, ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
	listed, err := ask(ctx, v.source.Topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("requesting the offsets of the topic %s: %w", v.source.Topic, err)
	}
	offsets := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { offsets[o.Partition] = o.Offset })
	if len(offsets) == 0 {
		return nil, fmt.Errorf("requesting the offsets of the topic %s: %w", v.source.Topic, kerr.UnknownTopicOrPartition)
	}
	return offsets, nil
}
