package tweetgen

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// text is a text of the corpus, encoded, with the characters to append to it.
type text struct {
	part []byte
	fill int // random characters behind it, from the pool
}

// padding replaces the ends of texts that must compress better.
const padding = " and so on"

// textsOf encodes the texts. fill is which part of them is replaced at the end, from 0 to
// 1 by random characters and from 0 to -1 by padding. Texts keep their sizes.
func (g *generator) textsOf(texts []string, fill float64) []text {
	all := make([]text, 0, len(texts))
	var owed float64 // of characters to replace, since short texts have no small parts
	for _, raw := range texts {
		owed += abs(fill) * float64(len(raw))
		cut := len(raw) - min(len(raw), max(0, int(owed)))
		for cut > 0 && !utf8.RuneStart(at(raw, cut)) {
			cut--
		}
		n := len(raw) - cut
		owed -= float64(n)
		t := text{fill: n}
		kept := raw[:cut]
		if fill < 0 {
			kept += strings.Repeat(padding, 1+n/len(padding))[:n]
			t.fill = 0
		}
		t.part = g.textPart(kept, t.fill)
		all = append(all, t)
	}
	return all
}

// at returns the byte at i, and for the end a byte that begins a character.
func at(s string, i int) byte {
	if i == len(s) {
		return 0
	}
	return s[i]
}

func abs(f float64) float64 { return max(f, -f) }

// textPart encodes a text up to its last fill characters.
func (g *generator) textPart(kept string, fill int) []byte {
	if g.encoding == encodingJSON {
		quoted := tweet.AppendQuoted([]byte(`","text":`), []byte(kept))
		return quoted[:len(quoted)-1] // the quote is in the brand's part
	}
	return append(tweet.AppendLong(nil, int64(len(kept)+fill)), kept...)
}

// poolBytes is more than a record batch has by default: a batch repeats no part of the
// pool, which a compression would find.
const poolBytes = 2 << 20

const fillLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."

// newPool returns random characters, which every encoding writes as they are.
func newPool(seed uint64) []byte {
	var random rand.PCG
	random.Seed(seed, fillStream)
	pool := make([]byte, poolBytes)
	for i := 0; i < len(pool); i += 8 {
		bits := random.Uint64()
		for j := range 8 {
			pool[i+j] = fillLetters[bits%64]
			bits >>= 8
		}
	}
	return pool
}
