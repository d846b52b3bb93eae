package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// If this fails, the bytes of a letter, or the mark of the one at which decoding
// stopped, are shown at another place.
func TestHexView(t *testing.T) {
	line := func(at, text string) string { return "  " + at + "  " + text + "\n" }
	const a16 = "61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |aaaaaaaaaaaaaaaa|"
	for _, c := range []struct {
		name           string
		b              []byte
		limit, stopped int
		want           string
	}{
		{"empty", nil, 32, -1, ""},
		{"empty, stopped", nil, 32, 0, line("00000000", "<- byte 0, after the last")},
		{"short", []byte("a\x00\xffb"), 32, 2, line("00000000", "61 00 ff 62                                       |a..b|  <- byte 2")},
		{"stopped at the end", bytes.Repeat([]byte("a"), 16), 32, 16, line("00000000", a16) + line("00000010", "<- byte 16, after the last")},
		{"long", bytes.Repeat([]byte("a"), 80), 17, -1, line("00000000", a16) + line("00000010", a16) + "  ... 48 bytes\n"},
		{
			"stopped far behind", bytes.Repeat([]byte("a"), 1024), 16, 512,
			line("00000000", a16) + "  ... 432 bytes\n" + line("000001c0", a16) + line("000001d0", a16) + line("000001e0", a16) + line("000001f0", a16) +
				line("00000200", a16+"  <- byte 512") + line("00000210", a16) + line("00000220", a16) + line("00000230", a16) + "  ... 448 bytes\n",
		},
	} {
		if diff := cmp.Diff(c.want, hexView(c.b, c.limit, c.stopped)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
