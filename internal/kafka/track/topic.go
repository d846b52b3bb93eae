package track

// Topics are the topics to read, by name.
type Topics map[string]*Topic

// Topic is what is known of a topic. Its id does not change.
type Topic struct {
	ID [16]byte // zero where the brokers know no ids

	committed bool // the group has a commit of one of its partitions
	// former is the id of another topic that had this name, if a commit of one of
	// the partitions is of that topic.
	former string
}

// Named returns the name of the topic with an id, or nothing.
func (t Topics) Named(id [16]byte) string {
	for name, topic := range t {
		if topic.ID == id && id != [16]byte{} {
			return name
		}
	}
	return ""
}

// Note adds what the group has committed of one of the partitions. It must not be
// called once a Tracker has the topic.
func (t *Topic) Note(offset int64, metadata string) {
	if offset < 0 {
		return
	}
	t.committed = true
	if m, ok := ParseCommitMetadata(metadata); ok && !m.Of(TopicIDText(t.ID)) {
		t.former = m.Topic
	}
}
