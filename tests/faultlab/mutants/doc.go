// Package mutants shows that the laboratory notices: it lets the program break
// one rule after the other and expects a scenario to fail, for the reason that
// fits. A laboratory that has never failed proves nothing.
package mutants
