package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// If this fails, letters are written without a yes, or a yes is not understood.
func TestConfirmed(t *testing.T) {
	for answer, yes := range map[string]bool{
		"yes\n": true, " yes \r\n": true, "yes": true, // the end of a pipe
		"y\n": false, "YES\n": false, "no\n": false, "\n": false, "": false, "yes please\n": false, "no\nyes\n": false,
	} {
		var out bytes.Buffer
		err := confirmed(t.Context(), strings.NewReader(answer), &out, "replay 3 letters")
		if (err == nil) != yes || err != nil && !strings.Contains(err.Error(), "--yes does not ask") {
			t.Errorf("the answer %q: %v", answer, err)
		}
		if out.String() != "Type yes to replay 3 letters: " {
			t.Errorf("it asks %q", out.String())
		}
	}
}

// If this fails, Ctrl-C at the question does nothing until Enter is pressed, and an
// answer given after it writes letters.
func TestConfirmedIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, _ := io.Pipe()
	if err := confirmed(ctx, silent, io.Discard, "drop 1 letter"); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("it says %v", err)
	}
}

// If this fails, a mistyped name of a file replaces each record with null, or a mapping
// passes for a name.
func TestFixMapping(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("fix.blobl", []byte("root = content().uppercase()"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, fails := range map[string]string{
		"fix.blobl": "", "./fix.blobl": "", "this.payload": "", "this": "", "deleted()": "", `meta a = "1"`: "", "root = payload": "",
		"fixes.blobl":   "--fix: reading fixes.blobl: no such file or directory. Check its path. If it is a field",
		"./fixes.blobl": "reading ./fixes.blobl", "a/b-c": "reading a/b-c", "payload": "reading payload", ".": "reading .: is a directory",
		"root = nope(": "parsing the mapping of --fix: ",
	} {
		switch mapping, err := fixMapping(text); {
		case fails == "" && (err != nil || mapping == nil):
			t.Errorf("%s: %v", text, err)
		case fails != "" && (err == nil || !strings.Contains(err.Error(), fails)):
			t.Errorf("%s: %v does not say %q", text, err, fails)
		}
	}
}

// If this fails, a record passes for one that is no longer retained because Kafka is
// down, and its letter is left out.
func TestWholeRecordWhileKafkaIsDown(t *testing.T) {
	s := &settler{topic: &dlqTopic{options: []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1"), kgo.RequestRetries(0)}}}
	defer s.close()
	if r, err := s.whole(t.Context(), deadletter.Origin{Topic: "t", TopicID: [16]byte{1}}, 0); err == nil || r.why != "" {
		t.Errorf("not replayed: %q, %v", r.why, err)
	}
}
