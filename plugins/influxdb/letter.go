package influxdb

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

var letterKeys = letter.Keys{
	Cut: contract.InfluxDBCut, CutFrom: contract.InfluxDBCutFrom,
	Others: []string{contract.InfluxDBBucket, contract.InfluxDBTopicID, contract.InfluxDBStatus, contract.InfluxDBReason},
}

// letter returns the dead letter of a refusal: the line, with the metadata of its message
// and the reason, of at most limit bytes in total.
func (r refusal) letter(origin *service.Message, limit int) *service.Message {
	about := []letter.Pair{{Key: contract.InfluxDBReason, Value: letter.Clean(r.reason, nil)}}
	topicID, _ := origin.MetaGetMut(contract.KafkaTopicID)
	if id, is := topicID.([16]byte); is { // a header is a string
		about = append(about, letter.Pair{Key: contract.InfluxDBTopicID, Value: contract.TopicIDText(id)})
	}
	if r.bucket != "" {
		about = append(about, letter.Pair{Key: contract.InfluxDBBucket, Value: letter.Cut(r.bucket, letter.MaxText)})
	}
	if r.status != 0 {
		about = append(about, letter.Pair{Key: contract.InfluxDBStatus, Value: strconv.Itoa(r.status)})
	}
	return letterKeys.Make(origin, r.text, about, limit)
}
