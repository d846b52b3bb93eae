// Package embedding holds the programs of docs/embedding.md, and builds and runs them
// with the Benthos of this module and with an older one.
//
// Go selects at least the Benthos that the plugins require, so the older one comes by
// a replace directive, in older.mod. It shows which API the plugins need: a build that
// pins Benthos for reasons of its own can use them all the same.
package embedding
