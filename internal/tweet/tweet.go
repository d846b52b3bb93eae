// Package tweet is the record in Kafka, in its Avro and JSON forms
// (schemas/tweet.avsc). The encoders append to a []byte and the decoders alias their
// input, so neither allocates per tweet.
package tweet

import "slices"

// Sentiment is the sentiment of a tweet about its brand. Its values are the positions
// of the symbols in the Avro enum.
type Sentiment uint8

// The three sentiments, in the order of the schema's enum.
const (
	Positive Sentiment = iota
	Negative
	Neutral

	// NumSentiments is the number of sentiments, for arrays indexed by Sentiment.
	NumSentiments = 3
)

var sentimentNames = [NumSentiments]string{"positive", "negative", "neutral"}

// Sentiments returns the names of all sentiments.
func Sentiments() []string { return slices.Clone(sentimentNames[:]) }

// String returns the name in the schema and in InfluxDB's tag.
func (s Sentiment) String() string {
	if int(s) >= NumSentiments {
		return "invalid"
	}
	return sentimentNames[s]
}

// ParseSentiment is the inverse of Sentiment.String for the three names.
func ParseSentiment[T string | []byte](name T) (Sentiment, bool) {
	switch string(name) {
	case "positive":
		return Positive, true
	case "negative":
		return Negative, true
	case "neutral":
		return Neutral, true
	}
	return 0, false
}

// Tweet is one tweet. Its slices alias the buffer that it was decoded from.
type Tweet struct {
	ID        []byte    // a UUID from our generator; any text from other producers
	Text      []byte    // UTF-8
	Brand     []byte    // UTF-8, never empty
	Sentiment Sentiment // one of the three
	Millis    int64     // milliseconds since the Unix epoch
}
