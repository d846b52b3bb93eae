package kafkabatch

import (
	"encoding/binary"
	"hash/crc32"

	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
)

// sticky chooses partitions for the records of one call that may go to any. A small call
// shares the batch of others; one that fills batches by itself has a partition of its own
// for each, so that calls do not wait for one another.
type sticky struct {
	topic *kproduce.Topic
	large bool
	at    int32
	room  int // bytes left of the batch of a large call
	limit int
}

func (s *sticky) next(topic *kproduce.Topic, size int) int32 {
	if !s.large {
		return topic.Sticky()
	}
	if s.topic != topic || size > s.room {
		s.topic, s.at, s.room = topic, topic.Next(), s.limit
	}
	s.room -= size
	return s.at
}

// byKey returns the partition of a key.
func byKey(strategy string, key []byte, partitions int) int32 {
	if strategy == partitionCRC32 {
		return int32(crc32.ChecksumIEEE(key) % uint32(partitions))
	}
	return int32(murmur2(key)&0x7fffffff) % int32(partitions)
}

// murmur2 is the hash of Kafka's Java client, MurmurHash2 of 32 bits with its seed.
func murmur2(data []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data)
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
