package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed page.md.tmpl
var pageTemplate string

var crossReference = regexp.MustCompile(`xref:[^\[\s]*\[([^\]]*)\]`)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"anchor":    anchor,
	"cell":      cell,
	"code":      code,
	"first":     firstSentence,
	"explained": explained,
	"required":  required,
	"facts":     facts,
	"trim":      strings.TrimSpace,
}).Parse(pageTemplate))

// pagePath returns the path of a component's page, below the main module's folder.
func pagePath(c component) string { return fmt.Sprintf("%s/%s_%s.md", pagesDir, c.Type, c.Name) }

func renderPage(c component) ([]byte, error) {
	var b bytes.Buffer
	if err := page.Execute(&b, c); err != nil {
		return nil, fmt.Errorf("writing the page of %s: %w", c.Name, err)
	}
	return append(bytes.TrimSpace(b.Bytes()), '\n'), nil
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_-]`)

// anchor returns the name that GitHub gives to a heading.
func anchor(heading string) string {
	return notInAnchor.ReplaceAllString(strings.ReplaceAll(strings.ToLower(heading), " ", "-"), "")
}

// cell returns text that fits into one cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// code returns text as inline code, also if it contains backquotes.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// firstSentence returns the first sentence of a text, for a table. A full stop inside
// code does not end a sentence.
func firstSentence(text string) string {
	paragraph, _, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
	quoted := false
	for i, r := range paragraph {
		rest := paragraph[i+1:]
		switch {
		case r == '`':
			quoted = !quoted
		case r == '.' && !quoted && (rest == "" || rest[0] == ' ' || rest[0] == '\n'):
			return cell(paragraph[:i+1])
		}
	}
	return cell(paragraph)
}

// explained reports whether any option has an explanation.
func explained(options [][2]string) bool {
	return slices.ContainsFunc(options, func(o [2]string) bool { return o[1] != "" })
}

func required(f field) string {
	if f.With != "" {
		return "**required** with " + code(f.With)
	}
	return "**required**"
}

// facts returns the line below a field's heading.
func facts(f field) string {
	known := []string{"Type: " + code(f.Type)}
	switch {
	case f.Required:
		known = append(known, required(f))
	case f.Default != "":
		known = append(known, "default: "+code(f.Default))
	case f.Type != "object":
		known = append(known, "optional, no default")
	}
	if f.Interpolate {
		known = append(known, "may contain interpolation functions")
	}
	if f.Secret {
		known = append(known, "secret: never printed")
	}
	if f.Advanced {
		known = append(known, "advanced")
	}
	return strings.Join(known, " · ")
}
