package sentimentwindow

import (
	"strconv"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Fields of a point.
const (
	fieldKeyCount = "count"
	fieldKeyText  = "text"
)

// maxTextRunes is the number of characters of a tweet's text in a point.
const maxTextRunes = 255

// appendWindow appends the line of one cell and sentiment:
//
//	tweets,brand=SuperCoffee,sentiment=positive count=4000i 1700000000000000199
func appendWindow(dst []byte, s *series, sentiment tweet.Sentiment, count, nanos int64) []byte {
	dst = append(dst, s.prefix[sentiment]...)
	dst = lineproto.AppendFieldKey(dst, fieldKeyCount)
	dst = lineproto.AppendInt(dst, count)
	return appendTime(dst, nanos)
}

// appendTweet appends the line of one tweet, with its text truncated:
//
//	tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it" 1700000000000000199
func appendTweet(dst []byte, s *series, t *tweet.Tweet, nanos int64) []byte {
	dst = append(dst, s.prefix[t.Sentiment]...)
	dst = append(dst, fieldKeyCount+"=1i,"+fieldKeyText+"="...)
	dst = lineproto.AppendString(dst, cut(t.Text))
	return appendTime(dst, nanos)
}

func appendTime(dst []byte, nanos int64) []byte {
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, nanos, 10)
	return append(dst, '\n')
}

// windowPoint returns the same point as appendWindow, for Bloblang.
func windowPoint(c *seriesCache, s *series, sentiment tweet.Sentiment, count, nanos int64) map[string]any {
	return map[string]any{
		"measurement": c.measurement,
		"tags":        c.tags(s, sentiment),
		"fields":      map[string]any{fieldKeyCount: count},
		"timestamp":   nanos,
	}
}

// tweetPoint returns the same point as appendTweet, for Bloblang.
func tweetPoint(c *seriesCache, s *series, t *tweet.Tweet, nanos int64) map[string]any {
	return map[string]any{
		"measurement": c.measurement,
		"tags":        c.tags(s, t.Sentiment),
		"fields":      map[string]any{fieldKeyCount: int64(1), fieldKeyText: string(cut(t.Text))},
		"timestamp":   nanos,
	}
}

func (c *seriesCache) tags(s *series, sentiment tweet.Sentiment) map[string]any {
	tags := map[string]any{tagBrand: s.brand, tagSentiment: sentiment.String()}
	if c.source != "" {
		tags[tagSource] = c.source
	}
	return tags
}

// cut returns the first 255 characters of a text.
func cut(text []byte) []byte {
	if len(text) <= maxTextRunes {
		return text
	}
	end := 0
	for range maxTextRunes {
		if end == len(text) {
			break
		}
		_, size := utf8.DecodeRune(text[end:])
		end += size
	}
	return text[:end]
}
