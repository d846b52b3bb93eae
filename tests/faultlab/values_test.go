package faultlab_test

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// valueFaults are the unusual records of producers.
var valueFaults = []faultlab.Scenario{
	{
		Name: "F12", Does: "tweets of 1600 and 2300, of 1700 and 2200, and older than InfluxDB keeps",
		Versions: []string{testenv.InfluxV1, testenv.InfluxV2},
		Options:  faultlab.Options{Retention: retention, Rejected: true},
		Run:      strangeTimes,
	},
	{
		Name: "F21", Does: "garbage, cut tweets, records of 1 MB, headers that name another place",
		Versions: []string{testenv.InfluxV1},
		Run:      garbage,
	},
}

// strangeTimes mixes times in each record batch: records that cannot be counted, and
// points that InfluxDB rejects, must not affect others.
func strangeTimes(l *faultlab.Lab) {
	m := startMembers(l, 2)[0]
	years := map[int]int{}
	for round := range 4 {
		for range 25 {
			records := []*kgo.Record{l.Tweet("Tea Time", time.Now().Add(-24*time.Hour))}
			for range 1 + l.Random.IntN(60) {
				at := time.Now().Add(-time.Duration(l.Random.Int64N(int64(time.Minute))))
				if year := []int{0, 1600, 1700, 2200, 2300}[l.Random.IntN(5)]; year > 0 {
					at = time.Date(year, 2, 3, 4, 5, l.Random.IntN(60), 0, time.UTC)
					years[year]++
				}
				records = append(records, l.Tweet("Tea Time", at))
			}
			for _, r := range records {
				r.Partition = records[0].Partition
			}
			l.Send(records...)
		}
		l.Event("years: %v", years)
		l.Wait(l.Between(time.Second, 2*time.Second))
		if round == 1 {
			m.Kill()
			l.Wait(time.Second)
			m.Restart()
		}
	}
	l.Drain()
	topic := l.Topic()
	beyond := 0
	for _, u := range topic.Undecodable {
		if strings.Contains(u.Reason.Error(), "out of range") {
			beyond++
		}
	}
	if want := years[1600] + years[2300]; beyond != want {
		l.Errorf("%d tweets are of 1600 and 2300, and %d of them are undecodable", want, beyond)
	}
	counted := map[int]int64{}
	for key, n := range topic.Counts {
		counted[time.Unix(key.Second, 0).UTC().Year()] += n
	}
	for _, year := range []int{1700, 2200} {
		if counted[year] != int64(years[year]) {
			l.Errorf("%d tweets of %d were written, and the oracle counts %d", years[year], year, counted[year])
		}
	}
}

// garbage writes records that are not tweets among tweets, and headers with a false
// position.
func garbage(l *faultlab.Lab) {
	m := startMembers(l, 2)[0]
	lies := []kgo.RecordHeader{
		{Key: "kafka_offset", Value: []byte("1")}, {Key: "kafka_partition", Value: []byte("63")},
		{Key: "kafka_topic", Value: []byte("another")}, {Key: "kafka_batch_records", Value: []byte("0")},
		{Key: "dead_offset", Value: []byte("2")}, {Key: "dead_reason", Value: []byte("rejected")},
	}
	lied := 0
	for round := range 5 {
		for range 20 {
			records := l.Producers.Records(l.Random, 300)
			for _, r := range records {
				if l.Random.IntN(100) == 0 {
					r.Value = noTweet(l.Random, r.Value)
				}
				if l.Random.IntN(20) == 0 {
					r.Headers = lies
					lied++
				}
			}
			l.Send(records...)
		}
		for _, size := range []int{999_000, 1_048_300} { // the second one does not fit into a letter
			large := l.Tweet("Tea Time", time.Now())
			large.Headers = lies[:2]
			large.Value = append(large.Value, make([]byte, size)...)
			l.Send(large)
			text := &tweet.Tweet{ID: []byte("long"), Text: make([]byte, size), Brand: []byte("Tea Time"), Millis: time.Now().UnixMilli()}
			l.Send(&kgo.Record{Partition: large.Partition, Value: text.AppendAvro(nil)})
		}
		l.Wait(l.Between(time.Second, 2*time.Second))
		if round == 2 {
			m.Kill()
			m.Restart()
		}
	}
	l.Event("%d records have headers that lie", lied)
	l.Drain()
	large := 0
	for _, u := range l.Topic().Undecodable {
		if len(u.Value) > 900_000 {
			large++
		}
	}
	if large != 20 {
		l.Errorf("%d records of 1 MB are undecodable, of 20", large)
	}
}

// noTweet turns a tweet into garbage.
func noTweet(random *rand.Rand, value []byte) []byte {
	if random.IntN(2) == 0 && len(value) > 1 {
		return value[:1+random.IntN(len(value)-1)]
	}
	garbage := make([]byte, random.IntN(200))
	for i := range garbage {
		garbage[i] = byte(random.Uint32())
	}
	return garbage
}
