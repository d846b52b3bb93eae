package deadletter

import (
	"slices"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// advice is what to do about a reason of ours.
var advice = map[string]string{
	contract.ReasonUndecodable: "The bytes are not a tweet in the pipeline's encoding. If many letters of one producer look alike, compare " +
		"sentiment_window's encoding and schema_files with what it writes. If the bytes end early or continue after the tweet, its encoder is at fault.",
	contract.ReasonBatch: "Not a sound record batch, or one where a single record was expected. Check that `message` of sentiment_window " +
		"is record_batch exactly where kafka_batches is the input, and that no processor before it changes the bytes.",
	contract.ReasonFailedBefore: "A processor before sentiment_window failed, and the error is its own. Fix that processor.",
	contract.ReasonOrigin: "The tweet's position in Kafka is missing, replaced or has no slot. If the error names a header, its producer must " +
		"not write headers whose names begin with kafka_. If it names max_partitions, raise that in a new measurement.",
	contract.ReasonOutOfBounds: "The tweet's time is outside of timestamp_bounds. If it is right, widen the bounds. If it is near 1970, the " +
		"producer writes seconds instead of milliseconds.",
	contract.ReasonUnstorable: "A tweet that no point can hold: the error says whether its time or its brand. Correct the producer. A brand must " +
		"not contain a line break, end with a backslash, or have one before a space.",
	contract.ReasonRejected: "InfluxDB rejected this point, and the error is its own. A field of another type needs another measurement; a point " +
		"older than the bucket's retention can be stored only after the retention is raised. Then dlq replay writes it again, changed by --fix if need be.",
	contract.ReasonExhausted: "The message failed at every attempt, and the error is that of the last one. Fix its cause, then replay the letter: later " +
		"messages of its key have been delivered since.",
	contract.ReasonNoKey: "The mapping `key` of subpartition failed for this message, and the error is its own. Correct the mapping so that it finds a key, " +
		"or returns an empty text for a message without one.",
}

// Advice returns what to do about the reason of a letter.
func Advice(l *Letter) string {
	if text, known := advice[l.Reason]; known && l.Form == Ours {
		return text
	}
	deserialize := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(l.Reason, w) })
	}
	switch {
	case l.Form == NoForm:
		return "No header says why this is a dead letter or where it comes from. A mapping can name the headers that do: --origin."
	case deserialize("Serializ", "Deserializ", "DataException", "JsonParse", "Avro"):
		return "The program that read this record could not decode it. Compare its deserializer and schema with what the producer writes."
	case l.Reason == "":
		return "No header says why this is a dead letter. The log of the program that wrote it may, at the time above."
	}
	return "The program that read this record failed with this exception. Its message above, its stack trace in the headers, and the log " +
		"of that program say where."
}
