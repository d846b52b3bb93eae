package readback_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/readback/librdkafka"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// linesOf splits output whose lines can be long.
func linesOf(t *testing.T, out []byte) (lines []string) {
	t.Helper()
	s := bufio.NewScanner(bytes.NewReader(out))
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return lines
}

var (
	dumpedBatch  = regexp.MustCompile(`^baseOffset: .* compresscodec: (\w+) .* isvalid: (\w+)`)
	dumpedRecord = regexp.MustCompile(`^\| offset: (\d+) CreateTime: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: -1 headerKeys: \[(.*?)\](?: key: (.*?))?(?: payload: (.*))?$`)
)

// dumpLog reads the files of the broker with kafka-dump-log, which decompresses and checks
// each batch.
func (l *lab) dumpLog(t *testing.T, topic string, _ int) (records []record) {
	for p, codec := range codecs {
		files, err := filepath.Glob(filepath.Join(l.data, fmt.Sprintf("%s-%d", topic, p), "*.log"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		out, err := kafkad.Tool(t.Context(), "kafka.tools.DumpLogSegments", "--deep-iteration", "--print-data-log", "--files", files[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range linesOf(t, out) {
			if m := dumpedBatch.FindStringSubmatch(line); m != nil && (m[1] != codec || m[2] != "true") {
				t.Errorf("%.300s", line)
			}
			m := dumpedRecord.FindStringSubmatch(line)
			if m == nil {
				if strings.HasPrefix(line, "|") {
					t.Fatalf("not understood: %.300s", line)
				}
				continue
			}
			r := record{partition: int32(p), offset: number(t, m[1]), millis: number(t, m[2])}
			if number(t, m[3]) >= 0 {
				r.key = []byte(m[6])
			}
			if number(t, m[4]) >= 0 {
				r.value = []byte(m[7])
			}
			if m[5] != "" {
				for name := range strings.SplitSeq(m[5], ",") {
					r.headers = append(r.headers, header{name: name})
				}
			}
			if n := number(t, m[4]); n >= 0 && n != int64(len(r.value)) {
				t.Errorf("a value of %d bytes is printed as %d", n, len(r.value))
			}
			records = append(records, r)
		}
	}
	return records
}

// null is what the console consumer prints for it.
const null = "(null)"

func (l *lab) consoleConsumer(t *testing.T, topic string, count int) (records []record) {
	args := []string{"--bootstrap-server", l.Brokers[0], "--topic", topic, "--from-beginning", "--max-messages", strconv.Itoa(count), "--timeout-ms", "20000"}
	for _, property := range []string{"print.timestamp=true", "print.partition=true", "print.offset=true", "print.headers=true", "print.key=true", "null.literal=" + null} {
		args = append(args, "--property", property)
	}
	out, err := kafkad.Tool(t.Context(), "org.apache.kafka.tools.consumer.ConsoleConsumer", args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range linesOf(t, out) {
		fields := strings.Split(line, "\t")
		if len(fields) != 6 {
			t.Fatalf("not understood: %.300s", line)
		}
		of := func(i int, prefix string) int64 { return number(t, strings.TrimPrefix(fields[i], prefix)) }
		r := record{partition: int32(of(1, "Partition:")), offset: of(2, "Offset:"), millis: of(0, "CreateTime:")}
		if fields[4] != null {
			r.key = []byte(fields[4])
		}
		if fields[5] != null {
			r.value = []byte(fields[5])
		}
		if fields[3] != "NO_HEADERS" {
			for one := range strings.SplitSeq(fields[3], ",") {
				name, value, _ := strings.Cut(one, ":")
				r.headers = append(r.headers, header{name, value})
			}
		}
		records = append(records, r)
	}
	return records
}

func (l *lab) librdkafka(t *testing.T, topic string, _ int) (records []record) {
	program, err := librdkafka.Get(t.Context(), nil)
	if err != nil {
		testenv.SkipIfMissing(t, err)
		t.Fatal(err)
	}
	out, err := buildcache.Run(t.Context(), "", nil, nil, program, l.Brokers[0], topic)
	if err != nil {
		t.Fatal(err)
	}
	field := func(text string) []byte {
		if text == "-" {
			return nil
		}
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, line := range linesOf(t, out) {
		f := strings.Split(line, "\t")
		r := record{int32(number(t, f[0])), number(t, f[1]), number(t, f[2]), field(f[3]), field(f[4]), nil}
		for i := 5; i < len(f); i += 2 {
			r.headers = append(r.headers, header{string(field(f[i])), string(field(f[i+1]))})
		}
		records = append(records, r)
	}
	return records
}

// stockInput reads with the input redpanda, which has headers as metadata.
func (l *lab) stockInput(t *testing.T, topic string, count int) (records []record) {
	dir := t.TempDir()
	read := filepath.Join(dir, "read.jsonl")
	config := filepath.Join(dir, "stock.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
input:
  redpanda:
    seed_brokers: [ %q ]
    topics: [ %s ]
    consumer_group: %s
pipeline:
  processors:
    - mapping: |
        root = {
          "partition": @kafka_partition, "offset": @kafka_offset, "millis": @kafka_timestamp_ms,
          "key": @kafka_key.encode("hex"), "null": @kafka_tombstone_message, "value": content().encode("hex"),
          "headers": @.filter(m -> m.key.has_prefix("h")),
        }
output:
  file:
    path: %q
    codec: lines
`, l.Brokers[0], topic, topic, read), 0o600); err != nil {
		t.Fatal(err)
	}
	program := testenv.Start(t, testenv.Command{Config: config})
	var out []byte
	testenv.Eventually(t, 30*time.Second, "everything is read", func() (err error) {
		if out, err = os.ReadFile(read); err == nil && bytes.Count(out, []byte("\n")) < count {
			err = fmt.Errorf("%d records of %d", bytes.Count(out, []byte("\n")), count)
		}
		return err
	})
	program.Kill(t)
	for _, line := range linesOf(t, out) {
		var got struct {
			Partition      int32
			Offset, Millis int64
			Key, Value     string
			Null           bool
			Headers        map[string]string
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		r := record{partition: got.Partition, offset: got.Offset, millis: got.Millis}
		if got.Key != "" { // which is all that a mapping sees of null; no key is empty here
			r.key, _ = hex.DecodeString(got.Key)
		}
		if !got.Null {
			if value, err := hex.DecodeString(got.Value); err == nil {
				r.value = append([]byte{}, value...)
			}
		}
		for _, name := range headerNames {
			if value, ok := got.Headers[name]; ok {
				r.headers = append(r.headers, header{name, value})
			}
		}
		records = append(records, r)
	}
	return records
}
