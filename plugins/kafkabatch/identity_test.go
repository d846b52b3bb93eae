package kafkabatch

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Two topics in one group and measurement: points of one replaced points of the
// other, 60 of 80 were left.
func TestSeveralTopicsNeedAnIdentity(t *testing.T) {
	env := service.NewEnvironment()
	if err := Register(env, Name); err != nil {
		t.Fatal(err)
	}
	linter := env.NewComponentConfigLinter()
	for fields, want := range map[string]string{
		"topics: [ one ]":                              "",
		"topics: [ one, one ]":                         "",
		"topics: [ 'one, ', one ]":                     "",
		"topics: [ one, two ]":                         "identity: source",
		"topics: [ 'one,two' ]":                        "one, two",
		"topics: [ 'one , two' ]\nidentity: timestamp": "identity: source",
		"topics: [ one, two ]\nidentity: source":       "",
		"topics: [ one ]\nidentity: source":            "",
		"topics: [ one ]\nidentity: topic":             "topic",
		"topics: [ one, two ]\nidentity: \"\"":         "",
	} {
		yaml := "seed_brokers: [ localhost:9092 ]\nconsumer_group: g\n" + fields
		wrong := want != "" || strings.Contains(fields, `""`)
		lints, err := linter.LintInputYAML([]byte("kafka_batches:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
		if err != nil {
			t.Fatal(err)
		}
		if (len(lints) > 0) != wrong || wrong && !strings.Contains(lints[0].Error(), want) {
			t.Errorf("%s: lint says %v, want %q", fields, lints, want)
		}
		parsed, err := spec().ParseYAML(yaml, nil)
		if err == nil {
			_, err = configFrom(parsed)
		}
		if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the constructor says %v, want %q", fields, err, want)
		}
	}
}

// What would break: after a restart with another topic its points replace those
// of the first, which nothing in the process remembers.
func TestAnotherTopicThanTheGroupHasCounted(t *testing.T) {
	c := testenv.FakeKafka(t)
	one, two := c.Topic(t, 1), c.Topic(t, 1)
	produce(t, c, one, 0, 3)
	produce(t, c, two, 0, 5)
	r := connected(t, c, one, "identity: timestamp")
	r.must().done(t)
	r.close()

	r = newReader(t, c, two, "identity: timestamp")
	err := r.in.Connect(t.Context())
	if err == nil {
		t.Fatal("it counts another topic")
	}
	wants(t, err.Error(), "the group g", "topic "+one, "to count "+two, "`consumer_group`", "`identity: source`", "--delete-offsets --group g --topic "+one)
	if got := r.in.ConnectionTest(t.Context()); got[0].Err == nil {
		t.Error("the connection test finds nothing")
	}

	r = connected(t, c, two, "identity: source")
	r.must().done(t)
	r.close()

	// The first is refused as well now, and continues once nothing else is left.
	if err := newReader(t, c, one, "identity: timestamp").in.Connect(t.Context()); err == nil {
		t.Error("it counts a topic beside another")
	}
	if _, err := admin(t, c).DeleteOffsets(t.Context(), "g", kadm.TopicsSet{two: {0: {}}}); err != nil {
		t.Fatal(err)
	}
	connected(t, c, one, "identity: timestamp").close()
}

// What another client has committed says nothing of points.
func TestOffsetsOfAnotherTopicWithoutMetadata(t *testing.T) {
	c := testenv.FakeKafka(t)
	one, two := c.Topic(t, 1), c.Topic(t, 1)
	setOffset(t, c, one, 3, "by hand")
	produce(t, c, two, 0, 5)
	connected(t, c, two, "identity: timestamp").must().done(t)
}

// The tag src has 30 bits of the id, and nothing where there is none.
func TestTopicsThatTheirTagsDoNotTellApart(t *testing.T) {
	for name, c := range map[string]struct {
		ids  [2][16]byte
		want string
	}{
		"same first 30 bits": {[2][16]byte{{1, 2, 3, 0x40, 5}, {1, 2, 3, 0x43, 6}}, "one and two"},
		"another 30th bit":   {[2][16]byte{{1, 2, 3, 0x40, 5}, {1, 2, 3, 0x44, 5}}, ""},
		"one without an id":  {[2][16]byte{{1}, {}}, "the topic two"},
	} {
		s := &preflighter{
			conf:   &config{topics: []string{"one", "two"}, identity: contract.IdentitySource},
			topics: track.Topics{"one": {ID: c.ids[0]}, "two": {ID: c.ids[1]}},
		}
		err := s.tellTopicsApart()
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
