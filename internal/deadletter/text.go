package deadletter

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable returns text from elsewhere as it can be printed to a terminal, in one line
// of at most limit bytes and a mark: control characters, which could move the cursor or
// hide what follows, and bytes that are not UTF-8 are escaped as in Go.
func Printable(text string, limit int) string {
	cut := len(text) > limit
	if cut {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	if strings.ContainsFunc(text, unprintable) {
		quoted := strconv.Quote(text)
		text = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	}
	if cut {
		text += "…"
	}
	return text
}

// unprintable includes utf8.RuneError, which stands for bytes that are not UTF-8.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == '\uFFFD' }
