// Package schemas holds the Avro schemas of the records in Kafka. It is a package of its
// own because go:embed cannot read files of a parent folder.
package schemas

import _ "embed"

// Tweet is the Avro schema of one tweet, the contract between the
// tweet_generator input and the sentiment_window processor.
//
//go:embed tweet.avsc
var Tweet string
