package kafkabatch

import (
	"go/ast"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv/gosource"
)

// TestErrorKindsAreDeclared breaks if an error is counted as a kind that the table
// of metrics does not have, or the table has one that never comes: an alert on it
// would say nothing.
func TestErrorKindsAreDeclared(t *testing.T) {
	counted := map[string]bool{}
	for _, file := range gosource.Files(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr: // stop(p, "kind", err), pause, paused, errors.Incr(1, "kind")
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) >= 2 && slices.Contains([]string{"stop", "pause", "paused", "Incr"}, f.Sel.Name) {
					note(counted, n.Args[1])
				}
			case *ast.AssignStmt: // kind = "fetch"
				if id, ok := n.Lhs[0].(*ast.Ident); ok && id.Name == "kind" {
					note(counted, n.Rhs[0])
				}
			}
			return true
		})
	}
	got := slices.Sorted(maps.Keys(counted))
	if want := slices.Sorted(slices.Values(errorKinds())); !slices.Equal(got, want) {
		t.Errorf("the code counts the kinds\n%q, declared are\n%q", got, want)
	}
}

func note(counted map[string]bool, value ast.Expr) {
	switch value := value.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(value.Value); err == nil {
			counted[text] = true
		}
	case *ast.Ident:
		if value.Name == "kindRecreated" {
			counted[kindRecreated] = true
		}
	}
}
