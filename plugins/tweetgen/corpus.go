package tweetgen

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Limits of a corpus file, which is held in memory.
const (
	maxCorpusTexts = 100_000
	maxCorpusBytes = 64 << 20
)

// corpus holds the texts of each sentiment.
type corpus [tweet.NumSentiments][]string

// builtin gives tweets of about 116 bytes. It names no brand, since brands are
// configurable.
var builtin = corpus{
	tweet.Positive: {
		"Best coffee I have had in a long time, and the staff are lovely!",
		"Could not start my morning without it. Ten out of ten, again.",
	},
	tweet.Negative: {
		"Waited twenty minutes for a cup that was cold. Not coming back.",
		"Tastes burnt since they changed the recipe. What a letdown.",
	},
	tweet.Neutral: {
		"Trying the new roast today. Has anyone else had it already?",
		"They have opened another shop next to the station this week.",
	},
}

// corpusLine is one line of a corpus file.
type corpusLine struct {
	Text      string `json:"text"`
	Sentiment string `json:"sentiment"`
}

// readCorpus reads a file of JSON lines. Its errors name the file and the line.
func readCorpus(files fs.FS, path string) (c corpus, err error) {
	f, err := files.Open(path)
	if err != nil {
		return c, fmt.Errorf("opening the corpus: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxCorpusBytes+1))
	// If every byte of a text is escaped, it takes six times the space.
	lines.Buffer(nil, 6*tweet.MaxTextBytes+1024)
	texts, size := 0, 0
	for n := 1; lines.Scan(); n++ {
		size += len(lines.Bytes()) + 1
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		text, sentiment, err := parseCorpusLine(line)
		if err != nil {
			return c, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if texts++; texts > maxCorpusTexts {
			return c, fmt.Errorf("%s:%d: the corpus has more than %d texts", path, n, maxCorpusTexts)
		}
		c[sentiment] = append(c[sentiment], text)
	}
	if err := lines.Err(); err != nil {
		return c, fmt.Errorf("reading the corpus %s: %w", path, err)
	}
	if size > maxCorpusBytes {
		return c, fmt.Errorf("reading the corpus %s: it is larger than %d MiB", path, maxCorpusBytes>>20)
	}
	if texts == 0 {
		return c, fmt.Errorf("reading the corpus %s: it has no text", path)
	}
	return c, nil
}

func parseCorpusLine(b []byte) (text string, sentiment tweet.Sentiment, err error) {
	var line corpusLine
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&line); err != nil {
		return "", 0, fmt.Errorf(`a line must be like {"text": "...", "sentiment": "positive"}: %w`, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", 0, errors.New("the line has more than one object")
	}
	if line.Text == "" {
		return "", 0, errors.New("the text is empty")
	}
	sentiment, ok := tweet.ParseSentiment(line.Sentiment)
	if !ok {
		return "", 0, fmt.Errorf("the sentiment is %q: it must be positive, negative or neutral", line.Sentiment)
	}
	sample := tweet.Tweet{ID: []byte("-"), Text: []byte(line.Text), Brand: []byte("-")}
	return line.Text, sentiment, sample.Check()
}

// checkFor returns an error if the mix needs a sentiment without texts.
func (c *corpus) checkFor(needs [tweet.NumSentiments]bool) error {
	for s, needed := range needs {
		if needed && len(c[s]) == 0 {
			return fmt.Errorf("the corpus has no %s text, but the mix has %[1]s tweets: add one, or set the share to 0", tweet.Sentiment(s))
		}
	}
	return nil
}
