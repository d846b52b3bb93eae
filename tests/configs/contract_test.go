package configs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// metadataKey is a key of metadata in Bloblang.
var metadataKey = regexp.MustCompile(`(?:@|\bmeta )((?:dead|kafka|influxdb)_[a-z_]+)`)

// If this fails, a pipeline reads or writes a key that no plugin has, and a dead letter
// lacks its reason or its position.
func TestPipelinesUseTheKeysOfTheContract(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../config/*.yaml", "../../docs/*.md", "../../docs/components/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	keys, used := contract.Keys(), map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range metadataKey.FindAllStringSubmatch(string(text), -1) {
			key := match[1]
			used[key] = true
			if !slices.Contains(keys, key) {
				t.Errorf("%s: %s is not a key of internal/contract", name, key)
			}
		}
	}
	for _, key := range keys {
		// Pipelines write them all by their prefix. These are for readers of dead letters.
		forReaders := []string{contract.DeadAfterOffset, contract.DeadTimestamp, contract.DeadKey, contract.DeadHeaders, contract.DeadLeftOut, contract.DeadAttempts, contract.DeadCut}
		if strings.HasPrefix(key, contract.DeadPrefix) && !slices.Contains(forReaders, key) && !used[key] {
			t.Errorf("no pipeline uses %s", key)
		}
	}
}
