package contract_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/gosource"
)

// If this fails, a new key or reason is not listed: the table of metrics lacks a label,
// or a plugin may declare the key a second time.
func TestEveryConstantIsListed(t *testing.T) {
	listed := append(contract.Keys(), contract.DeadReasons()...)
	listed = append(listed, contract.ReasonRejected, contract.ReasonExhausted, contract.ReasonNoKey, contract.RecordBatch, contract.IdentityTimestamp, contract.IdentitySource,
		contract.KafkaPrefix, contract.HeaderPrefix, contract.DeadPrefix, contract.LeftOutKey, contract.LeftOutHeaders)
	var constants []string
	for _, file := range gosource.Files(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				return true
			}
			for _, spec := range decl.Specs {
				value, err := strconv.Unquote(spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				constants = append(constants, value)
			}
			return true
		})
	}
	slices.Sort(constants)
	slices.Sort(listed)
	if !slices.Equal(constants, listed) {
		t.Errorf("the constants are %q, listed are %q", constants, listed)
	}
}
