package contract

// Metadata that the input subpartition adds to each message. With the position in Kafka it
// lets a sink refuse a write that is older than what it has for the key.
const (
	SubpartitionKey     = "subpartition_key"     // string; missing if the message has no key
	SubpartitionAttempt = "subpartition_attempt" // int: 1 for the first delivery of the message, then more
)

// Metadata of its dead letters, beside those of DeadReason and the position.
const (
	DeadAttempts = "dead_attempts" // int: how often the message failed when it was delivered alone
	DeadCut      = "dead_cut"      // string: names of other metadata that was cut or left out, separated by spaces
)

// Reasons of its dead letters.
const (
	ReasonExhausted = "exhausted" // it failed max_attempts times
	ReasonNoKey     = "no_key"    // the mapping `key` failed
)
