package main

import (
	"fmt"
	"strings"
)

const (
	hexLine = 16
	// hexAround is how many bytes are shown before and after the one at which decoding
	// stopped.
	hexAround = 4 * hexLine
)

// hexView shows the first bytes of b, and those around the byte at stopped unless it is
// negative, which it marks.
func hexView(b []byte, limit, stopped int) string {
	var out strings.Builder
	shownTo := 0
	lines := func(from, to int) {
		from, to = max(from/hexLine*hexLine, shownTo), min((to+hexLine-1)/hexLine*hexLine, len(b))
		if from >= to {
			return
		}
		if from > shownTo {
			fmt.Fprintf(&out, "  ... %d bytes\n", from-shownTo)
		}
		for at := from; at < to; at += hexLine {
			part := b[at:min(at+hexLine, len(b))]
			out.WriteString("  " + hexOf(at, part))
			if stopped >= at && stopped < at+len(part) {
				fmt.Fprintf(&out, "  <- byte %d", stopped)
			}
			out.WriteByte('\n')
		}
		shownTo = min(to, len(b))
	}
	lines(0, limit)
	if stopped >= 0 {
		lines(max(stopped-hexAround, 0), stopped+hexAround)
	}
	if shownTo < len(b) {
		fmt.Fprintf(&out, "  ... %d bytes\n", len(b)-shownTo)
	}
	if stopped == len(b) && stopped >= 0 {
		fmt.Fprintf(&out, "  %08x  <- byte %d, after the last\n", stopped, stopped)
	}
	return out.String()
}

// hexOf returns a line of up to 16 bytes.
func hexOf(at int, part []byte) string {
	var hex, text strings.Builder
	for i := range hexLine {
		if i == hexLine/2 {
			hex.WriteByte(' ')
		}
		if i >= len(part) {
			hex.WriteString("   ")
			continue
		}
		fmt.Fprintf(&hex, " %02x", part[i])
		if c := part[i]; c >= ' ' && c < 0x7f {
			text.WriteByte(c)
		} else {
			text.WriteByte('.')
		}
	}
	return fmt.Sprintf("%08x %s  |%s|", at, hex.String(), text.String())
}
