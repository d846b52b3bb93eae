package lintrule

import (
	"strconv"

	"github.com/dustin/go-humanize"
)

// Bytes is a Bloblang map that converts a size such as 64MiB to bytes, as
// humanize.ParseBytes does, and anything else to null. A rule that compares sizes uses
// it as `.apply("bytes")`.
const Bytes = `map bytes {
  let part = this.re_find_object("""^(?P<n>[0-9][0-9.,]*) *(?P<u>[A-Za-z]*) *$""")
  let unit = { "_": 1, "_b": 1,
    "_k": 1000, "_kb": 1000, "_ki": 1024, "_kib": 1024,
    "_m": 1000000, "_mb": 1000000, "_mi": 1048576, "_mib": 1048576,
    "_g": 1000000000, "_gb": 1000000000, "_gi": 1073741824, "_gib": 1073741824,
    "_t": 1000000000000, "_tb": 1000000000000, "_ti": 1099511627776, "_tib": 1099511627776 }.get("_" + $part.u.or("-").lowercase())
  root = ($part.n.replace_all(",", "").number() * $unit).catch(null)
}
`

// Size allows sizes from 1B to most.
func Size(field string, most uint64) string {
	return Bytes + `let bytes = this.apply("bytes")
` + rule(field, `$bytes == null || $bytes < 1 || $bytes > `+strconv.FormatUint(most, 10), sizes(most))
}

// sizes describes the sizes that Size allows.
func sizes(most uint64) string {
	return "a size such as 512KiB or 64MiB, from 1B to " + humanize.IBytes(most)
}

// SizeBytes returns the bytes of a size, checked as by the rule Size.
func SizeBytes(field, text string, most uint64) (uint64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n < 1 || n > most {
		return 0, refused(field, text, sizes(most))
	}
	return n, nil
}
