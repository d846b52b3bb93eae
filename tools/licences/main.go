// Command licences checks the licences of everything that is linked into
// brandpulse-connect, and of everything that a plugin package brings into
// somebody else's build.
//
// A module's licence file is not enough: Redpanda Connect is one module under
// two licences, told apart only by the header of each file. So the header of
// every file that is compiled is read too, on each platform that people build
// for.
//
//	go run ./licences -root ..            check, exit code 1 with the findings
//	go run ./licences -root .. -notices   print all licence texts, to ship beside a binary
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	root := flag.String("root", ".", "folder of the main module")
	notices := flag.Bool("notices", false, "print the licence text of every linked module and check nothing")
	flag.Parse()

	run := check
	if *notices {
		run = printNotices
	}
	if err := run(context.Background(), *root, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, root string, out io.Writer) error {
	c, err := newClassifier()
	if err != nil {
		return err
	}
	failed := false
	for _, s := range scopes {
		inv, err := listModules(ctx, root, s.packages, platforms)
		if err != nil {
			return err
		}
		findings, err := s.judge(c, inv)
		if err != nil {
			return err
		}
		for _, f := range findings {
			fmt.Fprintf(out, "%s: %s\n", s.packages, f)
			failed = true
		}
		if len(findings) == 0 {
			fmt.Fprintf(out, "%s: %d modules, %d files, %d named exceptions: ok\n",
				s.packages, len(inv), inv.files(), len(s.exceptions))
		}
	}
	if failed {
		return fmt.Errorf("a licence is not on the list of tools/licences/policy.go")
	}
	return nil
}
