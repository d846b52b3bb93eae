package all_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/gosource"
)

// What would break: two plugins call one thing by two names, and one of them is
// changed without the other.
func TestMetadataIsDeclaredInTheContractOnly(t *testing.T) {
	keys := []string{contract.KafkaPrefix, contract.DeadPrefix}
	for _, key := range contract.Keys() {
		if strings.Contains(key, "_") { // any other is a word, such as that for the unit of a metric
			keys = append(keys, key)
		}
	}
	for _, dir := range pluginDirs(t) {
		files := slices.Collect(maps.Values(gosource.Files(t, dir)))
		constants := constantsOf(files)
		for _, file := range files {
			for _, wrong := range append(ownKeys(file, keys), accessByOwnKey(file, constants)...) {
				t.Errorf("%s: %s: declare it in internal/contract", dir, wrong)
			}
		}
	}
}

// What would break: the test above would find nothing.
func TestAKeyOfAPluginsOwnIsFound(t *testing.T) {
	for source, want := range map[string]bool{
		`const metaTopic = "kafka_topic"`:                                     true,
		`func f() string { return "kafka_" + name }`:                          true,
		`const mine = "note"; func f() { m.MetaSetMut(mine, 1) }`:             true,
		`func f() { m.MetaDelete("tweets") }`:                                 true,
		`func f() { m.MetaGet("a" + name) }`:                                  true,
		`func f() { m.MetaSetMut(contract.Tweets, 1) }`:                       false,
		`func f(name string) { m.MetaSetMut(name, 1) }`:                       false,
		`const unit, topic, metric = "points", "tweets", "kafka_batches_lag"`: false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := append(ownKeys(file, []string{"kafka_", "kafka_topic"}), accessByOwnKey(file, constantsOf([]*ast.File{file}))...)
		if len(found) > 0 != want {
			t.Errorf("%s: found %q", source, found)
		}
	}
}

// ownKeys returns the keys that a file has as literals.
func ownKeys(file *ast.File, keys []string) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			if text, literal := textOf(e); literal && slices.Contains(keys, text) {
				found = append(found, strconv.Quote(text))
			}
		}
		return true
	})
	return found
}

// accessByOwnKey returns the accesses to metadata by a literal or by one of the
// constants.
func accessByOwnKey(file *ast.File, constants map[string]bool) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !strings.HasPrefix(method.Sel.Name, "Meta") {
			return true
		}
		ast.Inspect(call.Args[0], func(n ast.Node) bool {
			e, _ := n.(ast.Expr)
			name, _ := n.(*ast.Ident)
			if _, literal := textOf(e); literal || name != nil && constants[name.Name] {
				found = append(found, method.Sel.Name+" by a key of its own")
			}
			return true
		})
		return true
	})
	return found
}

func textOf(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// constantsOf returns the names of the constants that files declare.
func constantsOf(files []*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
				for _, spec := range decl.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						names[name.Name] = true
					}
				}
			}
			return true
		})
	}
	return names
}

// pluginDirs returns the folders of all packages of plugins.
func pluginDirs(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != ".." {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil || len(dirs) < 5 {
		t.Fatalf("got the folders %q, %v", dirs, err)
	}
	return dirs
}
