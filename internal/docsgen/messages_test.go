package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

// If this fails, TestEachMessageHasASection is blind to a form of message.
func TestMessagesAreFoundInEachForm(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "example.go", `package example
const told = "a constant"
var errOf = errors.New("a variable")
func (e own) Error() string { return fmt.Sprintf("a method of %q", e) }
func fail() error {
	err := fmt.Errorf("wrapped in %d\n parts: %w", 2, cause)
	log.With("a", 1).Errorf("logged %.2f %% of it", 0.5)
	text := fmt.Sprintf("assigned %s", name)
	log.Warn(text + "; and more")
	_ = errors.New(told)
	_ = errors.New("before " + value)
	_ = &Refused{text: fmt.Sprintf("in a field: %*d", 1, 2)}
	_ = fmt.Errorf("%w: %s", cause, err.Error())
	return fmt.Sprint("no message")
}`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := newSource([]*ast.File{f}).of(f)
	slices.Sort(got)
	want := []string{"a constant", "a method of …", "a variable", "assigned …; and more", "before …", "in a field: …", "logged … % of it", "wrapped in … parts: …"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
}
