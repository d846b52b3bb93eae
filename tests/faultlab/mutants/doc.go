// Package mutants shows that the laboratory detects broken rules: it makes the program
// break one rule after the other and expects a scenario to fail for the right reason. A
// laboratory that has never failed proves nothing.
package mutants
