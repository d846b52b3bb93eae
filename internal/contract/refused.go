package contract

// Metadata that the output kafka_batches adds to a message that Kafka refuses, for its
// output `rejected`.
const (
	RefusedReason = "refused_reason" // string: Kafka's name of the error, or one of this project in lower case
	RefusedError  = "refused_error"  // string
)
