package kafkabatch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
)

// wrongTopicName describes the allowed names of topics. Regular expressions are not
// supported: what is refused before the group is joined (another topic's
// offsets, a compacted one, one that may not be read) is known of topics that have
// names, and points carry no topic unless asked to, so one that comes to match
// later would be counted among the others.
const wrongTopicName = "is not the name of a topic, which has " + topicname.Allowed + "; regular expressions are not supported: name each topic"

// topicLint is the lint rule of topics, which is called for the list and for each of
// its elements. An element may be several topics with commas between them.
const topicLint = `root = if this.type() != "string" { [] } else if this.contains(":") { [ "` + wrongTopicParts + `" ] } else {
  this.split(",").map_each(name -> name.trim()).filter(name -> name != "" && (!name.re_match("` + topicname.Pattern + `") || name == "." || name == "..")).map_each(name -> "topics: %q ".format(name) + "` + wrongTopicName + `")
}`

func checkTopics(topics []string) error {
	if len(topics) == 0 {
		return errors.New(wrongTopics)
	}
	for _, name := range topics {
		switch {
		case strings.Contains(name, ":"):
			return errors.New(wrongTopicParts)
		case !topicname.Valid(name):
			return fmt.Errorf("%s: %q %s", fieldTopics, name, wrongTopicName)
		}
	}
	return nil
}
