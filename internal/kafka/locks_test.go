package kafka_test

import (
	"go/ast"
	"os/exec"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv/gosource"
)

const (
	project = "github.com/brandpulse/brandpulse-connect/"
	root    = "../../"
)

// packages are those that share partitions.
var packages = []string{"internal/kafka/conn", "internal/kafka/fetch", "internal/kafka/produce", "internal/kafka/track", "internal/loglimit", "plugins/kafkabatch"}

// What would break: whoever locks the mutex of another type decides what must not be
// interrupted there, and in which order locks are taken. The next change to that type
// makes it wrong, and no compiler says so. So a type locks its own mutex, in its own
// methods, and offers no lock to others.
func TestATypeOwnsItsLock(t *testing.T) {
	locks := 0
	for _, dir := range packages {
		for name, file := range parse(t, dir) {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if isLock(f.Name.Name) && f.Recv != nil {
					t.Errorf("%s: the method %s offers a lock", name, f.Name.Name)
				}
				ast.Inspect(f, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if !ok {
						return true
					}
					method, ok := call.Fun.(*ast.SelectorExpr)
					if !ok || !isLock(method.Sel.Name) {
						return true
					}
					locks++
					if _, local := method.X.(*ast.Ident); local {
						return true // a variable of the function
					}
					if owner := ownerOf(method.X); owner == "" || owner != receiver(f) {
						t.Errorf("%s: %s locks what is not a field of its receiver", name, f.Name.Name)
					}
					return true
				})
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.StructType)
				if !ok {
					return true
				}
				for _, field := range s.Fields.List {
					text := typeText(field.Type)
					if text != "sync.Mutex" && text != "sync.RWMutex" && text != "sync.Locker" {
						continue
					}
					if len(field.Names) == 0 {
						t.Errorf("%s: an embedded %s offers a lock", name, text)
					}
					for _, id := range field.Names {
						if id.IsExported() {
							t.Errorf("%s: the field %s offers a lock", name, id.Name)
						}
					}
				}
				return true
			})
		}
	}
	if locks < 20 {
		t.Errorf("%d locks are found: the test does not see them", locks)
	}
}

func isLock(name string) bool {
	switch name {
	case "Lock", "Unlock", "RLock", "RUnlock", "TryLock", "TryRLock":
		return true
	}
	return false
}

// ownerOf returns the variable whose field a mutex is, or nothing if it is a field of
// a field.
func ownerOf(mutex ast.Expr) string {
	field, ok := mutex.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	owner, ok := field.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return owner.Name
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List[0].Names) == 0 {
		return ""
	}
	return f.Recv.List[0].Names[0].Name
}

func typeText(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

func parse(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := gosource.Files(t, root+dir)
	if len(files) == 0 {
		t.Fatalf("there are no files in %s", dir)
	}
	return files
}

// What would break: the output that is to come, or a queue with delays, brings the
// consumer group with it, or the tracker waits for a broker while it is locked.
func TestImportsGoOneWay(t *testing.T) {
	for pkg, forbidden := range map[string][]string{
		"internal/kafka/track": {"github.com/twmb/", "github.com/redpanda-data/", "net/http", project + "internal/kafka/", project + "plugins/"},
		"internal/kafka/fetch": {"github.com/twmb/franz-go/pkg/kgo", "github.com/twmb/franz-go/pkg/kadm", "github.com/redpanda-data/", project + "internal/kafka/conn", project + "plugins/"},
		"internal/kafka/conn":  {project + "internal/kafka/", project + "plugins/"},
		"internal/loglimit":    {"github.com/", project},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{ join .Imports "\n" }}`, project+pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		for _, path := range strings.Fields(string(out)) {
			for _, prefix := range forbidden {
				if strings.HasPrefix(path, prefix) {
					t.Errorf("%s imports %s", pkg, path)
				}
			}
		}
	}
}
