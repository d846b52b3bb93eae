// Package schemas holds the Avro schemas of what travels through Kafka. They
// lie in a package of their own because go:embed cannot reach upward.
package schemas

import _ "embed"

// Tweet is the Avro schema of one tweet, the contract between the
// tweet_generator input and the sentiment_window processor.
//
//go:embed tweet.avsc
var Tweet string
