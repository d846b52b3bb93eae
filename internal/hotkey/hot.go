package hotkey

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"
)

// Share returns the key's share of the records of the last slice.
func (h Hot) Share() float64 {
	if h.Total == 0 {
		return 0
	}
	return float64(h.Count.Count) / float64(h.Total)
}

// shownBytes is how much of a key is shown.
const shownBytes = 64

// Name returns the key for logs and metrics: one line of valid UTF-8, bounded, without
// control characters.
func (h Hot) Name() string { return Name(h.Key, h.Size) }

// Name returns the beginning of a key of a size for logs and metrics.
func Name(key string, size int) string {
	if size <= shownBytes && !strings.ContainsFunc(key, unprintable) {
		return key
	}
	shown := key[:min(shownBytes, len(key))]
	if size > shownBytes {
		shown = strings.ToValidUTF8(shown, "") // a character may be cut
	}
	if strings.ContainsFunc(shown, unprintable) {
		quoted := strconv.Quote(shown)
		shown = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	}
	if size > shownBytes {
		shown += fmt.Sprintf("… (%s bytes)", humanize.Comma(int64(size)))
	}
	return shown
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// String describes the key for a log line, with the bound of the error.
func (h Hot) String() string {
	var parts []string
	if h.Total > 0 && h.Count.Count > 0 {
		exact := "exactly"
		if h.Excess > 0 {
			exact = fmt.Sprintf("at most %s too high", humanize.Comma(h.Excess))
		}
		parts = append(parts, fmt.Sprintf("has %.0f %% of the records of the last %s (%s of %s, %s)",
			100*h.Share(), Slice, humanize.Comma(h.Count.Count), humanize.Comma(h.Total), exact))
	}
	if h.Held.Count > 0 {
		parts = append(parts, fmt.Sprintf("holds %s of %s messages that wait", humanize.Comma(h.Held.Count), humanize.Comma(h.Held.Of)))
	}
	if len(parts) == 0 {
		parts = append(parts, "has no records now")
	}
	return fmt.Sprintf("key %q %s", h.Name(), strings.Join(parts, ", and "))
}
