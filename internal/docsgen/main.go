// Command docsgen writes the component pages in docs/components and the component table
// of the README from the config specs of the plugins, the page of all metrics from their
// declarations, and the page of all errors from the source. The spec is the only manual,
// so nothing is written by hand twice.
//
//	go run ./internal/docsgen -write
//	go run ./internal/docsgen -check    exit code 1 and the name of each stale file
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	write := flag.Bool("write", false, "write stale files and remove pages without a component")
	check := flag.Bool("check", false, "print the names of stale files and fail")
	root := flag.String("root", ".", "folder of the main module")
	flag.Parse()
	if *write == *check {
		fmt.Fprintln(os.Stderr, "docsgen: use either -write or -check")
		os.Exit(2)
	}
	if err := run(*root, *write); err != nil {
		fmt.Fprintln(os.Stderr, "docsgen:", err)
		os.Exit(1)
	}
}

func run(root string, write bool) error {
	components, err := documented()
	if err != nil {
		return err
	}
	want, err := render(root, components)
	if err != nil {
		return err
	}
	index, err := readErrors(root)
	if err != nil {
		return fmt.Errorf("reading what %s has: %w", errorsPage, err)
	}
	want[errorsPage] = index.render()
	stale, err := compare(root, want)
	if err != nil {
		return err
	}
	if len(stale) == 0 {
		return nil
	}
	if write {
		for _, m := range index.unlisted() {
			fmt.Fprintf(os.Stderr, "%s has a new line. If another section explains the message better, change the link:\n%s\n", errorsPage, index.propose(m).line(m.text))
		}
		return update(root, want, stale)
	}
	for _, name := range stale {
		fmt.Fprintf(os.Stderr, "%s is stale\n", name)
	}
	return fmt.Errorf("%d files differ from the source: run make docs", len(stale))
}
