package tweetgen

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func TestBuiltinCorpusHasTwoTextsOfEachSentiment(t *testing.T) {
	total := 0
	for s, texts := range builtin {
		if len(texts) != 2 {
			t.Errorf("%d %s texts", len(texts), tweet.Sentiment(s))
		}
		for _, text := range texts {
			tw := tweet.Tweet{ID: make([]byte, uuidBytes), Text: []byte(text), Brand: []byte("SuperCoffee"), Millis: 1767225600000}
			total += len(tw.AppendAvro(nil))
		}
	}
	if mean := total / 6; mean < 114 || mean > 118 {
		t.Errorf("a tweet has %d bytes on average, the documentation says about 116", mean)
	}
}

func TestReadCorpus(t *testing.T) {
	const good = `{"text":"Loved it!","sentiment":"positive"}` + "\n"
	read := func(content string) (corpus, error) {
		return readCorpus(fstest.MapFS{"tweets.jsonl": {Data: []byte(content)}}, "tweets.jsonl")
	}
	c, err := read("\r\n" + good + `{"sentiment":"negative","text":"caf\u00e9 \"closed\""}` + "\r\n" + good + `{"text":"no newline","sentiment":"neutral"}`)
	if err != nil {
		t.Fatal(err)
	}
	if c[tweet.Positive][1] != "Loved it!" || c[tweet.Negative][0] != `café "closed"` || c[tweet.Neutral][0] != "no newline" {
		t.Errorf("got %q", c)
	}

	for name, tc := range map[string]struct{ content, says string }{
		"no JSON":           {good + "Loved it!", "tweets.jsonl:2: a line must be like"},
		"another sentiment": {good + "\n" + `{"text":"x","sentiment":"angry"}`, `tweets.jsonl:3: the sentiment is "angry"`},
		"no sentiment":      {`{"text":"x"}`, `tweets.jsonl:1: the sentiment is ""`},
		"no text":           {`{"sentiment":"neutral"}`, "tweets.jsonl:1: the text is empty"},
		"a misspelt name":   {`{"txt":"x","sentiment":"neutral"}`, `unknown field "txt"`},
		"two on a line":     {strings.TrimSpace(good) + good, "more than one object"},
		"a text too long":   {`{"text":"` + strings.Repeat("x", tweet.MaxTextBytes+1) + `","sentiment":"neutral"}`, "tweets.jsonl:1: the text is longer"},
		"an endless line":   {strings.Repeat("x", 200_000), "reading the corpus tweets.jsonl"},
		"too many texts":    {strings.Repeat(`{"text":"x","sentiment":"neutral"}`+"\n", maxCorpusTexts+1), "more than 100000 texts"},
		"only empty lines":  {"\n\n", "it has no text"},
		"nothing":           {"", "it has no text"},
		"too many bytes":    {strings.Repeat(strings.Repeat(" ", 1<<16)+"\n", 1025), "larger than 64 MiB"},
		"a name that lies":  {`{"text":"x","sentiment":"positive","sentiment":"angry"}`, "angry"},
	} {
		if _, err := read(tc.content); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v, want %q", name, err, tc.says)
		}
	}
	if _, err := readCorpus(fstest.MapFS{}, "none.jsonl"); err == nil || !strings.Contains(err.Error(), "none.jsonl") {
		t.Errorf("a missing file: %v", err)
	}
}

// A mix that draws from an empty list would crash a worker.
func TestCorpusMustServeTheMix(t *testing.T) {
	for name, tc := range map[string]struct {
		yaml string
		says string
	}{
		"fixed without neutral":      {"sentiment: {positive: 60, negative: 40, neutral: 0}", ""},
		"fixed with neutral":         {"", "the corpus has no neutral text"},
		"volatile":                   {"{mode: volatile, sentiment: {positive: 60, negative: 40, neutral: 0}}", "the corpus has no neutral text"},
		"volatile but without swing": {"{mode: volatile, volatility_factor: 0, sentiment: {positive: 60, negative: 40, neutral: 0}}", ""},
	} {
		c := testConfig(t, tc.yaml)
		c.texts = corpus{{"yes"}, {"no"}, nil}
		err := c.check()
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.says)
		}
	}
}

func FuzzReadCorpus(f *testing.F) {
	f.Add([]byte(`{"text":"Loved it!","sentiment":"positive"}` + "\n"))
	f.Add([]byte("\n{"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := readCorpus(fstest.MapFS{"c": {Data: content}}, "c")
		if err != nil {
			return
		}
		for s, texts := range c {
			for _, text := range texts {
				tw := tweet.Tweet{ID: []byte("-"), Text: []byte(text), Brand: []byte("-"), Sentiment: tweet.Sentiment(s)}
				if err := tw.Check(); err != nil {
					t.Errorf("%q is taken, yet %v", text, err)
				}
			}
		}
	})
}
