package sentimentwindow

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Whoever adds a reason and not to the list has a dead letter, and a label, of
// which the table of metrics knows nothing.
func TestReasonsAreDeclared(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "refuse.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var constants []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		constants = append(constants, value)
		return true
	})
	if got := reasons(); len(constants) < 5 || !slices.Equal(got, constants) {
		t.Errorf("declared are %q, the constants are %q", got, constants)
	}
	for _, m := range Metrics() {
		if m.Name == "sentiment_window_refused" && !slices.Equal(m.Labels[0].Values, constants) {
			t.Errorf("the metric has the reasons %q", m.Labels[0].Values)
		}
	}
}
