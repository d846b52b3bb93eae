package contract

// Metadata that the output kafka_batches adds to a message that it rejects, for its
// output `rejected`.
const (
	RefusedReason    = "refused_reason"    // string: Kafka's name of the error, or one of this project in lower case
	RefusedError     = "refused_error"     // string: the error, at most 1 KiB
	RefusedTopic     = "refused_topic"     // string; missing if it is not known
	RefusedPartition = "refused_partition" // int; missing if none was chosen
	RefusedCutFrom   = "refused_cut_from"  // int: bytes of the message before it was cut; missing if it was not
	RefusedCut       = "refused_cut"       // string: names of other metadata that was cut or left out, separated by spaces
)
