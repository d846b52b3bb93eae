// Package pages_test runs the commands of the pages, and compares their results with
// the pages.
package pages_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// block is a fenced part of a page.
type block struct {
	language, text string
	before         string // the text between it and the block before it
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// blocks returns the fenced parts of a page in their order.
func blocks(t testing.TB, page string) (found []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), page))
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for _, at := range fence.FindAllSubmatchIndex(text, -1) {
		found = append(found, block{string(text[at[2]:at[3]]), string(text[at[4]:at[5]]), string(text[end:at[0]])})
		end = at[1]
	}
	return found
}
