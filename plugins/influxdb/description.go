package influxdb

import _ "embed"

// description is the manual, in Markdown, above the fields.
//
//go:embed description.md
var description string

// manual is the description with the metrics in it.
func manual() string { return declared.Manual(description) }
