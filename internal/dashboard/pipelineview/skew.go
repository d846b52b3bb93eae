package pipelineview

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
)

// partitionOf is a partition as the labels of metrics name it.
type partitionOf struct{ topic, partition string }

// skews are what a process says of parts that have much.
type skews struct {
	keys       map[string]keyMetrics
	lags       map[partitionOf]float64
	partitions map[partitionOf]float64 // share of the records
	brands     map[string]float64      // share of the tweets
}

// keyMetrics is what the metrics of a hot key say.
type keyMetrics struct{ held, share float64 }

func newSkews() skews {
	return skews{
		keys: map[string]keyMetrics{}, lags: map[partitionOf]float64{},
		partitions: map[partitionOf]float64{}, brands: map[string]float64{},
	}
}

// pick takes a metric if it says something about parts.
func (s *skews) pick(name string, labels map[string]string, value float64) {
	at := partitionOf{labels["topic"], labels["partition"]}
	key := s.keys[labels["key"]]
	switch {
	case name == hotKeyHeld:
		key.held += value
		s.keys[labels["key"]] = key
	case name == hotKeyShare:
		key.share = max(key.share, value)
		s.keys[labels["key"]] = key
	case name == partitionSkew:
		s.partitions[at] = max(s.partitions[at], value)
	case name == brandSkew:
		s.brands[labels["brand"]] = max(s.brands[labels["brand"]], value)
	case lags[name]:
		s.lags[at] += value
	}
}

// coresUsed returns how many processors a process has used between two scrapes.
func coresUsed(before, now *scrape) float64 {
	if before == nil || now.cpu < before.cpu || !now.at.After(before.at) {
		return unknown
	}
	return (now.cpu - before.cpu) / now.at.Sub(before.at).Seconds()
}

// skew adds what the processes that respond, and the brokers, say about parts.
func (v *View) skew(f *Facts) {
	now := &v.samples[len(v.samples)-1]
	behind := map[partitionOf]float64{}
	for _, e := range v.endpoints {
		if e.error != nil || e.last == nil {
			continue
		}
		s := &e.last.skews
		for at, n := range s.lags {
			behind[at] += n
		}
		most := HotKey{Held: e.last.gauges[largestKey], Of: e.last.gauges[held], Cores: e.cores}
		for name, key := range s.keys {
			if key.held >= most.Held {
				most.Held = 0 // it has a name
			}
			if key.held > 0 || key.share > 0 {
				f.HotKeys = append(f.HotKeys, HotKey{Name: name, Share: key.share, Held: key.held, Of: most.Of, Cores: most.Cores})
			}
		}
		if most.Held > 0 {
			f.HotKeys = append(f.HotKeys, most)
		}
		for at, share := range s.partitions {
			f.Loaded = moreSkewed(f.Loaded, Skew{Name: at.String(), Share: share})
		}
		for name, share := range s.brands {
			f.Brand = moreSkewed(f.Brand, Skew{Name: name, Share: share})
		}
	}
	slices.SortFunc(f.HotKeys, func(a, b HotKey) int {
		return cmp.Or(cmp.Compare(b.Held, a.Held), cmp.Compare(b.Share, a.Share), cmp.Compare(a.Name, b.Name))
	})
	if now.lags != nil {
		behind = now.lags
	}
	f.Lagging = lagging(behind, f.LagSeconds)
}

// moreSkewed returns the part with the larger share, and of equal ones the first by name.
func moreSkewed(a, b Skew) Skew {
	if b.Share > a.Share || b.Share == a.Share && b.Share > 0 && b.Name < a.Name {
		return b
	}
	return a
}

func (p partitionOf) String() string { return fmt.Sprintf("%s of %s", p.partition, p.topic) }

// leastLag is the lag from which its distribution says something.
const leastLag = 1000

// lagging returns the partition that has far more of the lag than the others, if the lag
// is old: a few batches on their way are in few partitions.
func lagging(behind map[partitionOf]float64, seconds float64) (most Skew) {
	total := 0.0
	for _, n := range behind {
		total += n
	}
	if total < leastLag || seconds <= lateSeconds {
		return Skew{}
	}
	for at, n := range behind {
		most = moreSkewed(most, Skew{Name: at.String(), Share: n / total, Count: n, Of: total, Parts: len(behind)})
	}
	if most.Share <= hotkey.SkewFrom(len(behind)) {
		return Skew{}
	}
	return most
}

const (
	// leastHeld is how many messages are held before a key that has most of them is
	// blamed, and mostOfThem its share of them.
	leastHeld, mostOfThem = 100, 0.5
	// lowCores is how few processors a process uses that is not limited by them.
	lowCores = 0.5
	// maxSkews is how many hot keys are named below the verdict.
	maxSkews = 3
)

// keyHolds names the key whose messages fill the room, so that those of others are not
// read. The rates would say that the ingest is the bottleneck, and more cores would not
// help: the key's messages are processed one at a time.
func keyHolds(f Facts) (Verdict, bool) {
	if _, stuck := influxStuck(f); stuck || len(f.HotKeys) == 0 {
		return Verdict{}, false
	}
	k := f.HotKeys[0]
	late := f.LagSeconds > lateSeconds || f.LagGrowth > flowing || math.IsNaN(f.LagSeconds) && math.IsNaN(f.LagGrowth)
	if !(late && k.Of >= leastHeld && k.Held >= mostOfThem*k.Of) {
		return Verdict{}, false
	}
	which := "this one"
	if k.Name != "" {
		which = "key " + strconv.Quote(k.Name)
	}
	detail := fmt.Sprintf("The messages of a key are processed one at a time, and those of %s leave no room for others.", which)
	if f.Lag > 0 {
		detail += fmt.Sprintf(" %s more wait in Kafka.", number(f.Lag))
	}
	if k.Cores < lowCores {
		detail += fmt.Sprintf(" The process uses %s of a core, so more cores would not help.", percent(k.Cores))
	}
	return Verdict{
		Level: LevelBad, Stage: StageDecoded, Title: fmt.Sprintf("One key holds %s of %s messages", number(k.Held), number(k.Of)),
		Detail: detail + " Give the key a route of its own, or skip or coalesce its messages: hot_key of subpartition.",
	}, true
}

// skewed returns a sentence for each part that has far more than the others.
func skewed(f Facts) []string {
	lines := []string{} // an empty list for the page
	loaded := ""
	if s := f.Loaded; s.Name != "" {
		loaded = percent(s.Share) + " of the records that are read"
	}
	if s := f.Lagging; s.Name != "" {
		line := fmt.Sprintf("Partition %s has %s of the %s messages that wait in %d partitions", s.Name, number(s.Count), number(s.Of), s.Parts)
		if s.Name == f.Loaded.Name {
			line += ", and " + loaded
			loaded = ""
		}
		lines = append(lines, line+".")
	}
	if loaded != "" {
		lines = append(lines, fmt.Sprintf("Partition %s has %s.", f.Loaded.Name, loaded))
	}
	if s := f.Brand; s.Name != "" {
		lines = append(lines, fmt.Sprintf("Brand %s has %s of the tweets.", strconv.Quote(s.Name), percent(s.Share)))
	}
	named := slices.DeleteFunc(slices.Clone(f.HotKeys), func(k HotKey) bool { return k.Name == "" })
	for i, k := range named {
		if i == maxSkews {
			lines = append(lines, fmt.Sprintf("%d more keys have much.", len(named)-i))
			break
		}
		line := fmt.Sprintf("Key %s has %s of the messages", strconv.Quote(k.Name), percent(k.Share))
		if k.Held > 0 && k.Of > 0 {
			line += fmt.Sprintf(", and holds %s of %s that wait", number(k.Held), number(k.Of))
		}
		lines = append(lines, line+".")
	}
	return lines
}
