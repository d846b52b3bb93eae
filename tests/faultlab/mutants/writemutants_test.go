package mutants_test

import "regexp"

// What the comparison of a topic with what was sent says.
var (
	missing    = regexp.MustCompile(`acknowledged records are not stored`)
	mixed      = regexp.MustCompile(`was never sent|acknowledged records are not stored|batches reached Kafka damaged`)
	outOfOrder = regexp.MustCompile(`is out of order`)
)

// writeMutants break the rules of the output kafka_batches.
var writeMutants = []mutant{
	{
		name:   "early_ack",
		breaks: "acknowledges records when their request is written",
		file:   "internal/kafka/produce/sender.go",
		edits: []edit{{
			old: `req, func() { close(written) })`,
			new: `req, func() {
			for i := range claims {
				claims[i].partition.mu.Lock()
				claims[i].batch.acknowledge()
				claims[i].partition.mu.Unlock()
			}
			close(written)
		})`,
		}},
		scenario: "P02",
		says:     missing,
	},
	{
		// The client has copied the bytes by then: what is sent again is another batch.
		name:   "freed_memory",
		breaks: "uses the memory of a batch again while its request has no response",
		file:   "internal/kafka/produce/sender.go",
		edits: []edit{{
			old: `req, func() { close(written) })`,
			new: `req, func() {
			for i := range claims {
				s.producer.buffers.put(&buffer{bytes: claims[i].bytes})
			}
			close(written)
		})`,
		}},
		scenario: "P02",
		says:     mixed,
	},
	{
		name:   "freed_before_written",
		breaks: "uses the memory of a batch again before its request is written",
		file:   "internal/kafka/produce/sender.go",
		edits: []edit{{
			old: `	req := s.request(claims)
`,
			new: `	req := s.request(claims)
	for i := range claims {
		s.producer.buffers.put(&buffer{bytes: claims[i].bytes})
	}
`,
		}},
		scenario: "P02",
		says:     mixed,
	},
	{
		name:   "next_first",
		breaks: "sends the next batch before one whose request has failed",
		file:   "internal/kafka/produce/result.go",
		edits: []edit{{
			old: `		p.backOff()
`,
			new: `		if len(p.queue) > 1 && p.queue[1].state == ready {
			p.queue[0], p.queue[1] = p.queue[1], p.queue[0]
		}
		p.backOff()
`,
		}},
		scenario: "P02",
		says:     outOfOrder,
	},
}
