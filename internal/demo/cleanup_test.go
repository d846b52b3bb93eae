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

// If this fails, a demo silently leaves hundreds of megabytes, or removes the logs that
// explain its failure.
func TestFilesThatADemoLeaves(t *testing.T) {
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
			t.Errorf("failed %v: left %q, want %q; printed %q", failed, left, want, out.String())
		}
	}
}

// If this fails, a demo that has not started claims to keep logs that do not exist.
func TestADemoWithoutFilesLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cleanUp(&out, dir, true)
	if _, err := os.Stat(dir); !os.IsNotExist(err) || out.Len() > 0 {
		t.Errorf("got %v, and %q is printed", err, out.String())
	}
}
