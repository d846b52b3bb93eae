package demo

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What would break: a demo leaves hundreds of megabytes without a word, or takes the
// logs away that say why it has failed.
func TestWhatADemoLeaves(t *testing.T) {
	for _, failed := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "demo")
		for _, name := range []string{
			"ingest.yaml", "ingest.yaml.log", "generate.yaml.log", "kafka/tweets-0/0.log", "kafka/meta.json",
			"influxdb/influxd.log", "influxdb/influxdb.conf", "influxdb/data/b/autogen/1/1.tsm", "influxdb/wal/b/_00001.wal", "influxdb/meta/meta.db",
		} {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		cleanUp(&out, dir, failed)
		var left []string
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && path != dir {
				left = append(left, filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))))
			}
			return nil
		})
		var want []string
		if failed {
			want = []string{"generate.yaml.log", "influxdb", "influxdb/influxd.log", "influxdb/influxdb.conf", "ingest.yaml", "ingest.yaml.log"}
		}
		if !slices.Equal(left, want) || strings.Contains(out.String(), dir) != failed {
			t.Errorf("failed %v: %q is left, want %q; said %q", failed, left, want, out.String())
		}
	}
}

// What would break: a demo that has not begun says that it keeps logs, of which there
// are none.
func TestADemoWithoutFilesLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cleanUp(&out, dir, true)
	if _, err := os.Stat(dir); !os.IsNotExist(err) || out.Len() > 0 {
		t.Errorf("%v, and %q is said", err, out.String())
	}
}
