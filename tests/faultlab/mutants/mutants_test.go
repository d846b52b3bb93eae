package mutants_test

import (
	"regexp"
	"slices"
)

// mutant is a program that breaks a rule: edits of one file of its source.
type mutant struct {
	name    string
	breaks  string
	file    string   // from the root of the repository, with slashes
	imports []string // packages that the edits need
	edits   []edit
	// scenario must fail, with says: a fault that lasted too long or a program that
	// does not start is not what was looked for.
	scenario string
	says     *regexp.Regexp
}

// edit replaces a text that its file must have exactly once: a rule that is given
// another form must not leave a mutant that breaks nothing.
type edit struct{ old, new string }

// What a sample and the last comparison say.
var (
	unstored = regexp.MustCompile(`is committed, up to \d+, and no coverage point has it`)
	above    = regexp.MustCompile(`InfluxDB holds \d+ tweets, and Kafka \d+|\d+ tweets in all is above \d+`)
)

var mutants = slices.Concat(readMutants, writeMutants)

// readMutants break the rules of config/exact.yaml.
var readMutants = []mutant{
	{
		name:   "commit_before_ack",
		breaks: "commits what was delivered and not acknowledged",
		file:   "internal/kafka/track/commit.go",
		edits: []edit{{
			old: `func (p *Partition) committable() Position { return p.acked.at }`,
			new: `func (p *Partition) committable() Position {
	at := p.acked.at
	at.Offset = max(at.Offset, p.delivered)
	return at
}`,
		}},
		scenario: "F06",
		says:     unstored,
	},
	{
		name:   "ignored_nack",
		breaks: "takes a nack for an acknowledgement",
		file:   "plugins/kafkabatch/input.go",
		edits: []edit{{
			old: `
		if err != nil {
			s.nack(b, err)
		} else {`,
			new: `
		if false {
			s.nack(b, err)
		} else {`,
		}},
		scenario: "F26",
		says:     unstored,
	},
	{
		// It counts the first half of a record batch, lets its input deliver the batch
		// once more, and counts the whole under the same key. All is well while requests
		// arrive in the order in which they were sent; a late one restores the half.
		name:    "partial_batch",
		breaks:  "writes counts that grow under one key",
		file:    "plugins/sentimentwindow/recordbatch.go",
		imports: []string{"sync"},
		edits: []edit{{
			old: `// countAll counts`,
			new: `// halved has the batches whose first half was counted.
var halved sync.Map

// countAll counts`,
		}, {
			old: `for n := 0; r.Next(&rec); n++ {`,
			new: `for n := 0; r.Next(&rec); n++ {
		if n == int(r.Header().Records/2) && n > 0 {
			_, again := halved.LoadOrStore(g.first, true)
			if !again && g.delivery.Refuse(errors.New("the second half follows")) {
				break
			}
		}`,
		}, {
			old: `g.last = o.last`,
			new: `if counted := g.tweets() + seen.broken + seen.filtered; counted < int64(h.Records) {
		o.last -= int64(h.Records) - counted
		h.Records = int32(counted)
	}
	g.last = o.last`,
		}},
		scenario: "F06",
		says:     unstored,
	},
	{
		name:    "random_slot",
		breaks:  "draws the nanosecond of a point",
		file:    "internal/stamp/stamp.go",
		imports: []string{"math/rand/v2"},
		edits: []edit{{
			old: `turn := offset % l.slots`,
			new: `turn := rand.Int64N(l.slots)`,
		}},
		scenario: "F03",
		says:     above,
	},
	{
		name:   "trailing_bytes",
		breaks: "lets bytes follow a tweet",
		file:   "internal/tweet/avro.go",
		edits: []edit{{
			old: `if i != len(b) {`,
			new: `if i > len(b) {`,
		}},
		scenario: "F01",
		says:     above,
	},
}
