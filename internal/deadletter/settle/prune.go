package settle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
)

const (
	// pruneAfter is how old a mark must be. Retention may remove a record while a pipeline
	// still makes a letter of it.
	pruneAfter = time.Hour
	// maxPruned bounds the marks that one run removes, and so its memory.
	maxPruned = 100_000
)

// Prune removes the marks of letters that cannot come back: those for which See was not
// called, although it was for every letter of the topic, and whose record retention has
// removed, so that no offset reset reads it again. Marks of topics that do not exist are
// kept: another cluster may have them.
func (s *Settler) Prune(ctx context.Context, options []kgo.Opt) (pruned int, err error) {
	gone, err := s.gone(ctx, options)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	starts, err := s.starts(ctx, gone)
	if err != nil {
		return 0, fmt.Errorf("reading the start of the topics of settled letters: %w", err)
	}
	var keys []string
	for key, place := range gone {
		if start, known := starts(place); !known || place.Last >= start {
			continue
		}
		if keys = append(keys, key); len(keys) == MaxLetters {
			if err := s.remove(ctx, keys); err != nil {
				return pruned, err
			}
			pruned, keys = pruned+len(keys), keys[:0]
		}
	}
	if len(keys) == 0 {
		return pruned, nil
	}
	return pruned + len(keys), s.remove(ctx, keys)
}

// gone returns the old marks whose letters no longer exist.
func (s *Settler) gone(ctx context.Context, options []kgo.Opt) (map[string]marks.Place, error) {
	gone := map[string]marks.Place{}
	before := time.Now().Add(-pruneAfter).UnixMilli()
	err := eachMark(ctx, options, s.topic, func(r deadletter.Record) error {
		key := string(r.Key)
		delete(gone, key) // only its last mark counts
		if r.Value == nil || len(gone) >= maxPruned || !s.done.Gone(key) {
			return nil
		}
		m, err := marks.Decode(r.Value)
		if err != nil {
			return err
		}
		if place, ok := marks.PlaceOf(key); ok && m.At < before {
			gone[key] = place
		}
		return nil
	})
	return gone, err
}

// starts returns a function that returns the start of the log at one of these places.
func (s *Settler) starts(ctx context.Context, places map[string]marks.Place) (func(marks.Place) (int64, bool), error) {
	admin := kadm.NewClient(s.client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	names := map[[16]byte]string{}
	for _, topic := range topics {
		names[topic.ID] = topic.Topic
	}
	name := func(p marks.Place) string {
		if p.Name != "" {
			return p.Name
		}
		return names[p.ID]
	}
	needed := map[string]bool{}
	for _, place := range places {
		if topics.Has(name(place)) {
			needed[name(place)] = true
		}
	}
	if len(needed) == 0 { // of no topic, the client would list all
		return func(marks.Place) (int64, bool) { return 0, false }, nil
	}
	offsets, err := admin.ListStartOffsets(ctx, slices.Collect(maps.Keys(needed))...)
	if err != nil {
		return nil, err
	}
	return func(p marks.Place) (int64, bool) {
		start, has := offsets.Lookup(name(p), p.Partition)
		return start.Offset, has && start.Err == nil && start.Offset >= 0
	}, nil
}

// remove removes marks, up to MaxLetters in one transaction.
func (s *Settler) remove(ctx context.Context, keys []string) error {
	records := make([]*kgo.Record, 0, len(keys))
	for _, key := range keys {
		records = append(records, &kgo.Record{Topic: s.topic, Key: []byte(key)})
	}
	if err := s.commit(ctx, records); err != nil {
		return fmt.Errorf("removing %d marks: %w", len(keys), err)
	}
	for _, key := range keys {
		s.done.Remove(key)
	}
	return nil
}
