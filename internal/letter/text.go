package letter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText bounds the text of an error in bytes: a server may repeat all that it was sent.
const MaxText = 1024

// Clean prepares text from a server for metadata and logs: one line of valid UTF-8,
// bounded, with secrets masked and control characters escaped, including those that change
// the direction of text.
func Clean(s string, hide func(string) string) string {
	// Masked before truncation, or the first half of a secret could remain.
	const window = 16 * MaxText
	if len(s) > window {
		s = s[:window]
	}
	if hide != nil {
		s = hide(s)
	}
	var b strings.Builder
	for _, r := range strings.TrimSpace(s) {
		switch {
		case b.Len() >= MaxText:
			return strings.TrimSpace(b.String()) + "…"
		case r == '\n', r == '\r', r == '\t', r == utf8.RuneError:
			b.WriteRune(map[bool]rune{true: utf8.RuneError, false: ' '}[r == utf8.RuneError])
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// Cut returns the beginning of s, at most n bytes, at a character boundary. Of bytes that
// are not text it omits at most the length of a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}
