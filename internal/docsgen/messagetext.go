package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// source is a package whose messages are looked for.
type source struct {
	named map[string]ast.Expr // the constants and variables of the package
}

func newSource(files []*ast.File) source {
	s := source{map[string]ast.Expr{}}
	for _, f := range files {
		for _, d := range f.Decls {
			general, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok && len(values.Values) == len(values.Names) {
					for i, name := range values.Names {
						s.named[name.Name] = values.Values[i]
					}
				}
			}
		}
	}
	return s
}

// of returns the messages of a file.
func (s source) of(f *ast.File) (texts []string) {
	for _, d := range f.Decls {
		local := assigned(d)
		method, isFunction := d.(*ast.FuncDecl)
		describes := isFunction && method.Recv != nil && method.Name.Name == "Error"
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if at := argument(n, describes); at >= 0 && at < len(n.Args) {
					texts = append(texts, s.texts(n.Args[at], local, 0)...)
				}
			case *ast.KeyValueExpr: // of an error, or of a rule of lint
				if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "text" || key.Name == "wrong") {
					texts = append(texts, s.texts(n.Value, local, 0)...)
				}
			}
			return true
		})
	}
	var clean []string
	for _, text := range texts {
		if text = readable(text); hasWords.MatchString(text) {
			clean = append(clean, text)
		}
	}
	return clean
}

// argument returns which argument of a call is a message, or -1.
func argument(call *ast.CallExpr, describes bool) int {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return -1
	}
	name := selector.Sel.Name
	if of, ok := selector.X.(*ast.Ident); ok {
		switch of.Name + "." + name {
		case "errors.New", "fmt.Errorf":
			return 0
		case "fmt.Sprintf":
			if describes {
				return 0
			}
			return -1
		}
	}
	if slices.Contains([]string{"Error", "Errorf", "Warn", "Warnf"}, name) {
		return 0
	}
	return -1
}

// assigned returns what the variables of a function are set to.
func assigned(d ast.Decl) map[string][]ast.Expr {
	local := map[string][]ast.Expr{}
	ast.Inspect(d, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) && a.Tok != token.ADD_ASSIGN {
			for i, left := range a.Lhs {
				if name, ok := left.(*ast.Ident); ok {
					local[name.Name] = append(local[name.Name], a.Rhs[i])
				}
			}
		}
		return true
	})
	return local
}

// texts returns what an expression may be, as far as its text is in the source.
func (s source) texts(e ast.Expr, local map[string][]ast.Expr, depth int) (found []string) {
	if depth > 8 { // a variable that is assigned from itself
		return nil
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return []string{text}
		}
	case *ast.ParenExpr:
		return s.texts(e.X, local, depth+1)
	case *ast.BinaryExpr:
		left, right := s.texts(e.X, local, depth+1), s.texts(e.Y, local, depth+1)
		if len(left)+len(right) == 0 {
			return nil
		}
		for _, l := range orValue(left) {
			for _, r := range orValue(right) {
				found = append(found, l+r)
			}
		}
	case *ast.Ident:
		for _, value := range local[e.Name] {
			found = append(found, s.texts(value, local, depth+1)...)
		}
		if value, ok := s.named[e.Name]; ok && len(local[e.Name]) == 0 {
			return s.texts(value, nil, depth+1)
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return s.texts(e.Args[0], local, depth+1)
		}
	}
	return found
}

func orValue(texts []string) []string {
	if len(texts) == 0 {
		return []string{"%s"}
	}
	return texts
}

var (
	verb     = regexp.MustCompile(`%%|%[-+#0]*(\[\d+\])?[\d*]*(\.[\d*]*)?(\[\d+\])?[a-zA-Z]`)
	spaces   = regexp.MustCompile(`\s+`)
	hasWords = regexp.MustCompile(`\p{L}{2}`)
)

// readable returns a format as a reader sees it in a line, without its values.
func readable(format string) string {
	text := verb.ReplaceAllStringFunc(format, func(verb string) string {
		if verb == "%%" {
			return "%"
		}
		return "…"
	})
	return strings.TrimSpace(spaces.ReplaceAllString(text, " "))
}
