package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// printNotices prints the licence and notice texts of everything linked into
// the distribution: most of these licences ask that a binary carries them.
func printNotices(ctx context.Context, root string, out io.Writer) error {
	inv, err := listModules(ctx, root, scopes[0].packages, platforms)
	if err != nil {
		return err
	}
	for _, m := range inv.sorted() {
		files, err := licenceFiles(m)
		if err != nil {
			return err
		}
		if isRedpandaConnect(m) {
			files = append(files, "licenses/Apache-2.0.txt", "licenses/rcl.md")
		}
		if _, err := os.Stat(filepath.Join(m.dir, "NOTICE")); err == nil {
			files = append(files, "NOTICE")
		}
		for _, name := range files {
			text, err := os.ReadFile(filepath.Join(m.dir, filepath.FromSlash(name)))
			if err != nil {
				return fmt.Errorf("reading the licence of %s: %w", m.path, err)
			}
			if _, err := fmt.Fprintf(out, "%s\n%s %s: %s\n\n%s\n\n", strings.Repeat("=", 79), m.path, m.version, name, text); err != nil {
				return fmt.Errorf("writing the licence of %s: %w", m.path, err)
			}
		}
	}
	return nil
}
