package pages_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const module = "github.com/brandpulse/brandpulse-connect/"

// message is an error or a line of the log in the source, with "…" for each value.
type message struct{ text, file string }

// messages returns those of all packages of this module that are in the program, each
// text once per file. A text that a function assembles from parts is not among them;
// the errors that it explains are.
func messages(t *testing.T) (found []message) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		`{{range .GoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}`, "./cmd/brandpulse-connect")
	list.Dir = testenv.Root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files, byPackage := token.NewFileSet(), map[string][]*ast.File{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(path, module) {
			continue
		}
		parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		byPackage[path] = append(byPackage[path], parsed)
	}
	for _, parsed := range byPackage {
		s := newSource(parsed)
		for _, f := range parsed {
			name, err := filepath.Rel(testenv.Root(t), files.Position(f.Pos()).Filename)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range s.of(f) {
				found = append(found, message{text, filepath.ToSlash(name)})
			}
		}
	}
	slices.SortFunc(found, func(a, b message) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.file, b.file)) })
	return slices.Compact(found)
}

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

// If this fails, TestEachMessageHasASection is blind to a form of message.
func TestMessagesAreFoundInEachForm(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "example.go", `package example
const told = "a constant"
var errOf = errors.New("a variable")
func (e own) Error() string { return fmt.Sprintf("a method of %q", e) }
func fail() error {
	err := fmt.Errorf("wrapped in %d\n parts: %w", 2, cause)
	log.With("a", 1).Errorf("logged %.2f %% of it", 0.5)
	text := fmt.Sprintf("assigned %s", name)
	log.Warn(text + "; and more")
	_ = errors.New(told)
	_ = errors.New("before " + value)
	_ = &Refused{text: fmt.Sprintf("in a field: %*d", 1, 2)}
	_ = fmt.Errorf("%w: %s", cause, err.Error())
	return fmt.Sprint("no message")
}`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := newSource([]*ast.File{f}).of(f)
	slices.Sort(got)
	want := []string{"a constant", "a method of …", "a variable", "assigned …; and more", "before …", "in a field: …", "logged … % of it", "wrapped in … parts: …"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
}
