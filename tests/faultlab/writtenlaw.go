package faultlab

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// account is what a sender knows. It has one batch of messages at a time on its way, whose
// records have consecutive numbers, and sends it until it is acknowledged.
type account struct {
	sent         int64 // records with numbers below this were sent
	acknowledged int64 // and all below this acknowledged
	lost         int64 // and those below this were in a topic that is deleted
}

// writtenLaw compares the records of a topic with what was sent:
//   - an acknowledged record is stored;
//   - a stored record is one that was sent: value, key, header, time, and the partition that its key says;
//   - in a partition the first copies of a sender's records are in the order in which it sent them. Copies follow when a response was lost, or the pipeline was killed.
type writtenLaw struct {
	form     form
	accounts []account
	copies   [][]uint16
	last     map[place]int64 // highest number that is stored
	records  int64
}

type place struct {
	sender    int
	partition int32
}

func newWrittenLaw(f form, accounts []account) *writtenLaw {
	w := &writtenLaw{form: f, accounts: accounts, last: map[place]int64{}}
	for _, a := range accounts {
		w.copies = append(w.copies, make([]uint16, a.sent))
	}
	return w
}

// read takes the next record of a partition.
func (w *writtenLaw) read(r *kgo.Record) error {
	w.records++
	var sender int
	var number int64
	if _, err := fmt.Sscanf(string(r.Value[:min(len(r.Value), 40)]), "%d/%d/", &sender, &number); err != nil || sender < 0 || sender >= len(w.accounts) || number < 0 || number >= w.accounts[sender].sent {
		return fmt.Errorf("the record at offset %d of partition %d was never sent: %.60q", r.Offset, r.Partition, r.Value)
	}
	if err := w.form.mustBe(r, sender, number); err != nil {
		return fmt.Errorf("the record at offset %d of partition %d was never sent: of record %d of sender %d %w", r.Offset, r.Partition, number, sender, err)
	}
	w.copies[sender][number]++
	if w.copies[sender][number] > 1 {
		return nil
	}
	at := place{sender, r.Partition}
	if last, ok := w.last[at]; ok && number < last {
		return fmt.Errorf("the record at offset %d of partition %d is out of order: record %d of sender %d is stored behind record %d", r.Offset, r.Partition, number, sender, last)
	}
	w.last[at] = number
	return nil
}

// missing returns an error if an acknowledged record is not stored.
func (w *writtenLaw) missing() error {
	var missing, acknowledged int64
	var first string
	for sender, a := range w.accounts {
		for number := a.lost; number < a.acknowledged; number++ {
			acknowledged++
			if w.copies[sender][number] == 0 {
				if missing++; first == "" {
					first = fmt.Sprintf("record %d of sender %d", number, sender)
				}
			}
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d acknowledged records are not stored, the first is %s", missing, acknowledged, first)
	}
	return nil
}

// twice returns how many records are stored more than once.
func (w *writtenLaw) twice() (twice int64) {
	for _, copies := range w.copies {
		for _, n := range copies {
			if n > 1 {
				twice++
			}
		}
	}
	return twice
}
