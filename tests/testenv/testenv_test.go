package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// verdict is a test that records how it was ended, and continues.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper()                      {}
func (v *verdict) Skip(args ...any)             { v.skipped = fmt.Sprint(args...); panic(v) }
func (v *verdict) Fatal(args ...any)            { v.failed = fmt.Sprint(args...); panic(v) }
func (v *verdict) Fatalf(f string, args ...any) { v.failed = fmt.Sprintf(f, args...); panic(v) }

func judge(test func(t testing.TB)) (v *verdict) {
	v = &verdict{}
	defer func() {
		if r := recover(); r != nil && r != any(v) {
			panic(r)
		}
	}()
	test(v)
	return v
}

// If this fails, a part that was skipped silently looks like one that passed.
func TestMissingProgramsSkipATestAndAreRecorded(t *testing.T) {
	missing := fmt.Errorf("starting: %w", &process.MissingError{Program: "cargo", For: "building InfluxDB 2.7.12", Get: "https://rustup.rs"})
	for name, c := range map[string]struct {
		err             error
		nothingSkipped  string
		skipped, failed bool
	}{
		"missing":                  {missing, "", true, false},
		"missing, nothing skipped": {missing, "1", false, true},
		"something else":           {errors.New("no space left"), "", false, false},
		"nothing":                  {nil, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "skips")
			t.Setenv(skipsVariable, file)
			t.Setenv(nothingSkippedVariable, c.nothingSkipped)
			for range 2 {
				v := judge(func(t testing.TB) { SkipIfMissing(t, c.err) })
				if (v.skipped != "") != c.skipped || (v.failed != "") != c.failed {
					t.Fatalf("skipped %q, failed %q", v.skipped, v.failed)
				}
				for _, said := range []string{v.skipped, v.failed} {
					if said != "" && !strings.Contains(said, "needs cargo") {
						t.Fatalf("printed %q", said)
					}
				}
			}
			written, _ := os.ReadFile(file)
			want := ""
			if c.skipped {
				want = strings.Repeat(missing.Error()+"\n", 2)
			}
			if string(written) != want {
				t.Fatalf("wrote %q", written)
			}
		})
	}
}

func TestEventually(t *testing.T) {
	asked := 0
	ask := func() error {
		if asked++; asked < 3 {
			return errors.New("the lag is 5")
		}
		return nil
	}
	if v := judge(func(t testing.TB) { Eventually(t, 10*time.Second, "caught up", ask) }); v.failed != "" || asked != 3 {
		t.Fatalf("asked %d times, failed %q", asked, v.failed)
	}
	asked = -1000
	if v := judge(func(t testing.TB) { Eventually(t, time.Millisecond, "caught up", ask) }); v.failed != "caught up: not within 1ms: the lag is 5" {
		t.Fatalf("failed %q", v.failed)
	}
}

func TestFreshNamesDifferAndFit(t *testing.T) {
	t.Run(strings.Repeat("a name/ with \"all\" ü", 20), func(t *testing.T) {
		a, b := freshName(t), freshName(t)
		if a == b || len(a) > 100 || strings.ContainsAny(a, "/ \"ü") {
			t.Fatal(a, b)
		}
	})
}

// After a failure the log is needed, the data is not.
func TestLogOfAFailedTestIsKept(t *testing.T) {
	for _, failed := range []bool{false, true} {
		dir := newDir(t, "server")
		log := filepath.Join(dir, "server.log")
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(log, []byte("out of memory\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		kept := keepLog(dir, log, failed)
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the folder is still there: %v", err)
		}
		if (kept != "") != failed {
			t.Fatalf("failed %v, kept %q", failed, kept)
		}
		if failed && process.Tail(kept, 1) != "out of memory" {
			t.Fatal(process.Tail(kept, 1))
		}
		_ = os.Remove(kept)
	}
}
