package sentimentwindow

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// logBatch is one record batch of a random topic.
type logBatch struct {
	partition  int
	base, last int64
	records    []logRecord
}

func (b logBatch) message(t failer) *service.Message {
	records := make([]recordbatch.Record, len(b.records))
	for i, r := range b.records {
		value, err := r.message().AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		// Kafka's time is its own, and may be in another second.
		records[i] = recordbatch.Record{Offset: int64(r.offset), Timestamp: r.millis*2 - 1_700_000_000_000, Value: value}
	}
	h := recordbatch.Header{BaseOffset: b.base, LastOffsetDelta: int32(b.last - b.base), ProducerID: 1, MaxTimestamp: 1_700_000_000_000}
	return batchMessage(t, "tweets", b.partition, h, records...)
}

// drawRecordBatches cuts the partitions of a topic into record batches, once and
// for all, as producers do. Compaction has taken records away from any place in
// them, and sometimes all.
func drawRecordBatches(t *rapid.T, topic [][]logRecord) (out []logBatch) {
	for p, records := range topic {
		next := int64(0) // the first offset behind the batch before
		for len(records) > 0 {
			n := rapid.IntRange(1, min(20, len(records))).Draw(t, "records in a batch")
			b := logBatch{partition: p, records: records[:n], base: int64(records[0].offset), last: int64(records[n-1].offset)}
			if b.base > next && rapid.Bool().Draw(t, "first record compacted") {
				b.base--
			}
			records = records[n:]
			next = b.last + 1
			if len(records) > 0 && int64(records[0].offset) > next+1 {
				out = append(out, logBatch{partition: p, base: next, last: next}) // emptied
				next++
			}
			out = append(out, b)
		}
	}
	return out
}

// read gives what becomes of the batches when they come in calls of any size:
// the bytes of the points by batch, and the refused messages by place.
func read(t *rapid.T, p *processor, batches []logBatch) (points map[string]string, refused map[string][]byte) {
	points, refused = make(map[string]string), make(map[string][]byte)
	at := func(m *service.Message, partition, offset string) string {
		a, _ := m.MetaGetMut(partition)
		b, _ := m.MetaGetMut(offset)
		return fmt.Sprint(a, " ", b)
	}
	for len(batches) > 0 {
		n := rapid.IntRange(1, len(batches)).Draw(t, "batches in a call")
		var call service.MessageBatch
		for _, b := range batches[:n] {
			call = append(call, b.message(t))
		}
		batches = batches[n:]
		out, err := p.ProcessBatch(context.Background(), call)
		if err != nil || len(out) != 1 {
			t.Fatalf("%d batches, error %v", len(out), err)
		}
		for _, m := range out[0] {
			content, err := m.AsBytes()
			if err != nil {
				t.Fatal(err)
			}
			if m.GetError() != nil {
				refused[at(m, contract.DeadPartition, contract.DeadOffset)] = content
				continue
			}
			points[at(m, contract.KafkaPartition, contract.KafkaOffset)] += string(content)
		}
	}
	return points, refused
}

// The law that exactness stands on, over any log and any cut of it into record
// batches: however the batches come, and however often, each gives the same
// bytes; no two points share series and timestamp; the counts are those of the
// log, window by window; the coverage points tell each batch once, with
// counted + undecodable = records; and what is not counted leaves with its bytes
// under its own offset.
func TestAnyReadingOfRecordBatchesIsTheSameAndRight(t *testing.T) {
	for _, yaml := range []string{"", "emit: tweets", "identity: source", "emit: tweets\nidentity: source"} {
		t.Run(yaml, func(t *testing.T) {
			p, other := testProcessor(t, batches+yaml), testProcessor(t, batches+yaml)
			rapid.Check(t, func(t *rapid.T) {
				log := drawRecordBatches(t, drawLog(t))
				points, refused := read(t, p, log)

				again := slices.Clone(log)
				for i := range again { // another order
					j := rapid.IntRange(0, i).Draw(t, "swap")
					again[i], again[j] = again[j], again[i]
				}
				points2, refused2 := read(t, other, again)
				if !maps.Equal(points, points2) {
					t.Fatalf("two readings differ:\n%q\n%q", points, points2)
				}
				if !maps.EqualFunc(refused, refused2, bytes.Equal) {
					t.Fatalf("two readings refuse different records")
				}

				seen := make(map[string]bool)
				want := make(map[string]int) // by second, brand and sentiment
				for _, b := range log {
					broken := 0
					for _, r := range b.records {
						place := fmt.Sprint(r.partition, " ", r.offset)
						content, isRefused := refused[place]
						if isRefused != r.broken {
							t.Fatalf("record %s: refused is %t, broken %t", place, isRefused, r.broken)
						}
						if r.broken {
							broken++
							if value, _ := r.message().AsBytes(); !bytes.Equal(content, value) {
								t.Fatalf("record %s leaves with other bytes", place)
							}
							delete(refused, place)
							continue
						}
						want[fmt.Sprint(r.millis/1000, " ", r.brand, " ", r.sentiment)]++
					}

					place := fmt.Sprint(b.partition, " ", b.base)
					all := strings.Split(strings.TrimSuffix(points[place], "\n"), "\n")
					delete(points, place)
					coverage := all[len(all)-1]
					fields := fmt.Sprintf(",topic=tweets partition=%di,base=%di,last=%di,records=%di,counted=%di,undecodable=%di,filtered=0i ",
						b.partition, b.base, b.last, len(b.records), len(b.records)-broken, broken)
					if !strings.HasPrefix(coverage, "brandpulse_batches") || !strings.Contains(coverage, fields) {
						t.Fatalf("the coverage point of %s is %q, want %q", place, coverage, fields)
					}
					if got, want := second(t, coverage), newestSecond(b); got != want {
						t.Fatalf("the coverage point is of second %d, want %d: %q", got, want, coverage)
					}
					for _, line := range all {
						key := line[:strings.IndexByte(line, ' ')] // of a coverage point: no tag of it has a space
						if i := strings.Index(line, " count="); i >= 0 {
							key = line[:i]
						}
						key += line[strings.LastIndexByte(line, ' '):]
						if seen[key] {
							t.Fatalf("two points have the series and time of %s", line)
						}
						seen[key] = true
					}
					for _, line := range all[:len(all)-1] {
						series, n := seriesOf(t, line)
						want[fmt.Sprint(second(t, line), " ", series)] -= n
					}
				}
				for key, n := range want {
					if n != 0 {
						t.Fatalf("%s is off by %d", key, -n)
					}
				}
				if len(points) > 0 || len(refused) > 0 {
					t.Fatalf("points %q and messages %q are of no batch", points, refused)
				}
			})
		})
	}
}

// second is that of a line of today.
func second(t *rapid.T, line string) int64 {
	nanos, err := strconv.ParseInt(line[strings.LastIndexByte(line, ' ')+1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return nanos / 1e9
}

func newestSecond(b logBatch) int64 {
	newest := int64(1_700_000_000_000) // that of the header, without records
	for i, r := range b.records {
		if ts := r.millis*2 - 1_700_000_000_000; i == 0 || ts > newest {
			newest = ts
		}
	}
	return newest / 1000
}

// seriesOf is "brand sentiment" of a line, and its count.
func seriesOf(t *rapid.T, line string) (series string, n int) {
	tags, fields, _ := strings.Cut(line, " count=")
	plain := strings.NewReplacer(`\,`, ",", `\ `, " ", `\=`, "=").Replace(tags)
	brand, rest, _ := strings.Cut(strings.TrimPrefix(plain, "tweets,brand="), ",sentiment=")
	name, _, _ := strings.Cut(rest, ",src=")
	sentiment, ok := tweet.ParseSentiment(name)
	if !ok {
		t.Fatalf("no sentiment in %q", line)
	}
	return fmt.Sprint(brand, " ", sentiment), count(t, "count="+fields)
}

// Two batches of a topic never share a nanosecond of a window, whatever is in
// them: with identity: timestamp as long as the bases of one second and partition
// lie within S, with identity: source within a billion.
func TestNoTwoRecordBatchesShareANanosecond(t *testing.T) {
	for identity, slots := range map[string]int64{contract.IdentityTimestamp: 1_000_000_000 / 64, contract.IdentitySource: 1_000_000_000} {
		t.Run(identity, func(t *testing.T) {
			p := testProcessor(t, batches+"identity: "+identity)
			rapid.Check(t, func(t *rapid.T) {
				from := rapid.Int64Range(0, 1<<62).Draw(t, "offsets from")
				var log []logBatch
				for range 2 {
					base := from + rapid.Int64Range(0, slots-1).Draw(t, "base")
					log = append(log, logBatch{partition: rapid.IntRange(0, 63).Draw(t, "partition"), base: base, last: base, records: []logRecord{
						{offset: int(base), brand: "Tea", millis: 1_700_000_000_000 + rapid.Int64Range(0, 499).Draw(t, "millis")},
					}})
				}
				if log[0].partition == log[1].partition && log[0].base == log[1].base {
					t.Skip("the same batch")
				}
				points, _ := read(t, p, log)
				seen := make(map[string]bool)
				for _, lines := range points {
					for line := range strings.Lines(lines) {
						series, _, _ := strings.Cut(line, " ")
						key := series + line[strings.LastIndexByte(line, ' '):]
						if seen[key] {
							t.Fatalf("both batches have a point at %s", key)
						}
						seen[key] = true
					}
				}
				if len(seen) != 4 {
					t.Fatalf("%d points, want 4: %q", len(seen), points)
				}
			})
		})
	}
}
