// Package tweet is the record that travels through Kafka, in its Avro and JSON
// forms (schemas/tweet.avsc). The encoders append to a []byte and the decoders
// alias their input, so neither allocates per tweet.
package tweet

import "slices"

// Sentiment is what a tweet feels about its brand. Its values are the
// positions of the symbols in the Avro enum.
type Sentiment uint8

// The three sentiments, in the order of the schema's enum.
const (
	Positive Sentiment = iota
	Negative
	Neutral

	// NumSentiments is how many there are, for arrays indexed by Sentiment.
	NumSentiments = 3
)

var sentimentNames = [NumSentiments]string{"positive", "negative", "neutral"}

// Sentiments are the names of all of them.
func Sentiments() []string { return slices.Clone(sentimentNames[:]) }

// String gives the name as it stands in the schema and in InfluxDB's tag.
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
	ID        []byte    // a UUID where we made it; any text in foreign data
	Text      []byte    // UTF-8
	Brand     []byte    // UTF-8, never empty
	Sentiment Sentiment // one of the three
	Millis    int64     // milliseconds since the Unix epoch
}
