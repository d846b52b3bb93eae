package producebench_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// tweets are what the writers without the generator write: of the same texts, brands and
// sentiments as generate_fast.yaml writes, and as large.
type tweets struct {
	texts  [tweet.NumSentiments][][]byte // with their length
	brands [tweet.NumSentiments][][]byte // with their length and the sentiment, each as often as its weight
}

// The texts and the brand that tweet_generator has by default.
var (
	builtinTexts = [tweet.NumSentiments][]string{
		tweet.Positive: {"Best coffee I have had in a long time, and the staff are lovely!", "Could not start my morning without it. Ten out of ten, again."},
		tweet.Negative: {"Waited twenty minutes for a cup that was cold. Not coming back.", "Tastes burnt since they changed the recipe. What a letdown."},
		tweet.Neutral:  {"Trying the new roast today. Has anyone else had it already?", "They have opened another shop next to the station this week."},
	}
	builtinBrands = []string{"SuperCoffee"}
)

// sentimentOf has the mix of generate_fast.yaml, in tenths.
var sentimentOf = [10]tweet.Sentiment{
	tweet.Positive, tweet.Positive, tweet.Positive, tweet.Positive, tweet.Positive,
	tweet.Negative, tweet.Negative, tweet.Negative, tweet.Neutral, tweet.Neutral,
}

// newTweets reads the texts from a corpus, or has the built-in ones if the path is empty.
func newTweets(corpus string, brands []string) (*tweets, error) {
	texts := builtinTexts
	if corpus != "" {
		var err error
		if texts, err = readCorpus(corpus); err != nil {
			return nil, err
		}
	}
	t := new(tweets)
	for s := range tweet.Sentiment(tweet.NumSentiments) {
		for _, text := range texts[s] {
			t.texts[s] = append(t.texts[s], append(tweet.AppendLong(nil, int64(len(text))), text...))
		}
		for _, brand := range brands {
			part := append(tweet.AppendLong(nil, int64(len(brand))), brand...)
			t.brands[s] = append(t.brands[s], tweet.AppendLong(part, int64(s)))
		}
	}
	return t, nil
}

// draw returns the parts of a tweet after its id.
func (t *tweets) draw(random uint64) (text, brand []byte) {
	s := sentimentOf[below(random&0xffff, 10, 16)]
	texts, brands := t.texts[s], t.brands[s]
	return texts[below(random>>16&0xffffff, len(texts), 24)], brands[below(random>>40, len(brands), 24)]
}

// below maps a random number of so many bits to one below n.
func below(random uint64, n, bits int) uint64 { return random * uint64(n) >> bits }

// append appends a tweet; tail is its time.
func (t *tweets) append(dst []byte, random *rand.PCG, tail []byte) []byte {
	text, brand := t.draw(random.Uint64())
	dst = append(dst, idHead)
	dst = appendID(dst, random)
	dst = append(dst, text...)
	dst = append(dst, brand...)
	return append(dst, tail...)
}

const (
	idBytes = 36
	idHead  = idBytes << 1 // its length in Avro
)

var hexPairs = func() (pairs [256][2]byte) {
	for i := range pairs {
		copy(pairs[i][:], fmt.Sprintf("%02x", i))
	}
	return pairs
}()

// appendID appends a random UUID of version 4.
func appendID(dst []byte, random *rand.PCG) []byte {
	n := len(dst)
	dst = append(dst, "00000000-0000-0000-0000-000000000000"...)
	id := dst[n : n+idBytes : n+idBytes]
	high, low := random.Uint64()&^0xf000|0x4000, random.Uint64()&^(3<<62)|1<<63
	for i, at := range [8]int{0, 2, 4, 6, 9, 11, 14, 16} {
		pair := &hexPairs[byte(high>>(56-8*i))]
		id[at], id[at+1] = pair[0], pair[1]
	}
	for i, at := range [8]int{19, 21, 24, 26, 28, 30, 32, 34} {
		pair := &hexPairs[byte(low>>(56-8*i))]
		id[at], id[at+1] = pair[0], pair[1]
	}
	return dst
}

// corpusLine is a line of a corpus of tweet_generator.
type corpusLine struct {
	Text      string `json:"text"`
	Sentiment string `json:"sentiment"`
}

func readCorpus(path string) (texts [tweet.NumSentiments][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return texts, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line corpusLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return texts, fmt.Errorf("reading the corpus %s: %w", path, err)
		}
		s, ok := tweet.ParseSentiment(line.Sentiment)
		if !ok {
			return texts, fmt.Errorf("reading the corpus %s: no sentiment %q", path, line.Sentiment)
		}
		texts[s] = append(texts[s], line.Text)
	}
	return texts, lines.Err()
}

// writeCorpus writes a corpus of texts of this size: words of a vocabulary of
// 3,000, the frequent ones more often, as in a language.
func writeCorpus(path string, texts, bytes int) error {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 3000)
	for i := range words {
		for range 2 + random.IntN(3) {
			words[i] += string("bcdfglmnprst"[random.IntN(12)]) + string("aeiou"[random.IntN(5)])
		}
	}
	zipf := rand.NewZipf(random, 1.1, 4, uint64(len(words)-1))
	var file strings.Builder
	for i := range texts {
		var text strings.Builder
		for text.Len() < bytes {
			text.WriteString(words[zipf.Uint64()] + " ")
		}
		line, err := json.Marshal(corpusLine{text.String()[:bytes-1] + ".", tweet.Sentiment(i % tweet.NumSentiments).String()})
		if err != nil {
			return err
		}
		file.Write(append(line, '\n'))
	}
	return os.WriteFile(path, []byte(file.String()), 0o600)
}

// payloadTweets is the number of different tweets that the writers with a file have.
const payloadTweets = 100_000

// writePayload writes tweets as lines of text, for writers in other languages. They are as
// long as those of Avro, and differ from them only in the bytes that text cannot have.
func writePayload(path string, t *tweets, millis int64) error {
	var random rand.PCG
	random.Seed(3, 4)
	tail := tweet.AppendLong(nil, millis)
	var file []byte
	for range payloadTweets {
		n := len(file)
		file = t.append(file, &random, tail)
		for i, b := range file[n:] {
			if b < ' ' || b > '~' {
				file[n+i] = '!' + b%90
			}
		}
		file = append(file, '\n')
	}
	return os.WriteFile(path, file, 0o600)
}
