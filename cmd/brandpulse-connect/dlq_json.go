package main

import (
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/decoded"
)

// shownLetter is a letter as JSON. Numbers that are not known are missing.
type shownLetter struct {
	Topic     string        `json:"topic"` // of the letter
	Partition int32         `json:"partition"`
	Offset    int64         `json:"offset"`
	Time      string        `json:"time"`
	Form      string        `json:"form"`
	Reason    string        `json:"reason"`
	Error     string        `json:"error"`
	Record    shownOrigin   `json:"record"`
	CutFrom   int64         `json:"cut_from,omitempty"`
	Problems  []string      `json:"problems,omitempty"`
	Mark      *shownMark    `json:"mark"` // null: neither replayed nor dropped
	Advice    string        `json:"advice"`
	Selected  int64         `json:"selected"`
	Decoded   shownDecoded  `json:"decoded"`
	Key       *shownBytes   `json:"key"` // null: none
	Value     *shownBytes   `json:"value"`
	Headers   []shownHeader `json:"headers"`
}

type shownOrigin struct {
	Topic       string `json:"topic,omitempty"`
	TopicID     string `json:"topic_id,omitempty"`
	Partition   *int64 `json:"partition,omitempty"`
	Offset      *int64 `json:"offset,omitempty"`
	LastOffset  *int64 `json:"last_offset,omitempty"`
	AfterOffset *int64 `json:"after_offset,omitempty"`
	// Timestamp, key and headers are missing where the letter does not say them.
	Timestamp string         `json:"timestamp,omitempty"`
	Key       *shownBytes    `json:"key,omitempty"`
	Headers   *[]shownHeader `json:"headers,omitempty"`
}

type shownDecoded struct {
	decoded.Result
	Error     string           `json:"error,omitempty"`
	LooksLike decoded.Encoding `json:"looks_like,omitempty"`
}

// shownBytes are bytes as text where they are UTF-8, and always as base64.
type shownBytes struct {
	Text   *string `json:"text,omitempty"`
	Base64 []byte  `json:"base64"`
}

type shownHeader struct {
	Name  string      `json:"name"`
	Value *shownBytes `json:"value"` // null: none
}

func bytesAsJSON(b []byte) *shownBytes {
	if b == nil {
		return nil
	}
	s := &shownBytes{Base64: b}
	if utf8.Valid(b) {
		text := string(b)
		s.Text = &text
	}
	return s
}

func (v *letterView) json() shownLetter {
	l := v.letter
	s := shownLetter{
		Topic: v.topic, Partition: l.Partition, Offset: l.Offset, Time: rfc3339(l.Timestamp),
		Form: string(l.Form), Reason: l.Reason, Error: l.Error, CutFrom: l.CutFrom, Problems: l.Problems,
		Mark: v.mark, Advice: deadletter.Advice(l), Selected: v.selected,
		Record: shownOrigin{
			Topic: l.Origin.Topic, Partition: known(int64(l.Origin.Partition)), Offset: known(l.Origin.Offset),
			LastOffset: known(l.Origin.LastOffset), AfterOffset: known(l.Origin.AfterOffset),
		},
		Decoded: shownDecoded{Result: v.decoded, LooksLike: v.looks},
		Key:     bytesAsJSON(l.Key), Value: bytesAsJSON(l.Value), Headers: headersAsJSON(l.Headers),
	}
	if l.Origin.TopicID != [16]byte{} {
		s.Record.TopicID = contract.TopicIDText(l.Origin.TopicID)
	}
	if v.decoded.Err != nil {
		s.Decoded.Error = v.decoded.Err.Error()
	}
	original := l.Original()
	if original.Timestamp != deadletter.Unknown {
		s.Record.Timestamp = rfc3339(original.Timestamp)
	}
	s.Record.Key = bytesAsJSON(original.Key)
	if original.HeadersKnown {
		headers := headersAsJSON(original.Headers)
		s.Record.Headers = &headers
	}
	return s
}

func headersAsJSON(headers []deadletter.Header) []shownHeader {
	shown := []shownHeader{}
	for _, h := range headers {
		shown = append(shown, shownHeader{h.Name, bytesAsJSON(h.Value)})
	}
	return shown
}

func known(n int64) *int64 {
	if n == deadletter.Unknown {
		return nil
	}
	return &n
}
