package avrospec

import (
	"errors"
	"strings"
	"testing"
)

// Fields that were not selected are checked for their framing only, as the
// specification allows and the pipeline does. Otherwise the audit would reject records
// that the pipeline counts.
func TestReadPassesOver(t *testing.T) {
	for name, tc := range map[string]struct {
		typ, bytes string
		want       error // returned by Read
		decodes    bool
	}{
		"a boolean of 2":                              {`"boolean"`, "\x02", nil, false},
		"a string that is not UTF-8":                  {`"string"`, "\x02\xff", nil, false},
		"a symbol that is not there":                  {`{"type":"enum","name":"E","symbols":["x"]}`, "\x08", nil, false},
		"a block of another size":                     {`{"type":"array","items":"int"}`, "\x01\x04\x02\x04\x00", nil, false},
		"a block beyond the end":                      {`{"type":"array","items":"int"}`, "\x01\x7e\x02\x04\x00", ErrTruncated, false},
		"a block of a negative size":                  {`{"type":"array","items":"int"}`, "\x01\x01\x02\x04\x00", ErrBlock, false},
		"a branch that is not there":                  {`["null"]`, "\x02", ErrUnion, false},
		"4096 nulls":                                  {`{"type":"array","items":"null"}`, "\x80\x40\x00", nil, true},
		"4157 nulls":                                  {`{"type":"array","items":"null"}`, "\xfa\x40\x00", nil, false},
		"4158 nulls":                                  {`{"type":"array","items":"null"}`, "\xfc\x40\x00", ErrSteps, false},
		"4188 nulls in two blocks":                    {`{"type":"array","items":"null"}`, "\x80\x40\xb8\x01\x00", nil, false},
		"4189 nulls in two blocks":                    {`{"type":"array","items":"null"}`, "\x80\x40\xba\x01\x00", ErrSteps, false},
		"a block of nulls with its size":              {`{"type":"array","items":"null"}`, "\xff\xff\xff\xff\x0f\x00\x00", nil, false},
		"a map with a key twice":                      {`{"type":"map","values":"int"}`, "\x04\x02a\x02\x02a\x02\x00", nil, false},
		"a record in a record":                        {`{"type":"record","name":"I","fields":[{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"l","type":"long"}]}`, "aaaabbbbbbbb\x02", nil, true},
		"a fixed":                                     {`{"type":"fixed","name":"F","size":3}`, "abc", nil, true},
		"a union":                                     {`["null","bytes"]`, "\x02\x02\xff", nil, true},
		"records 998 deep":                            {`{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`, strings.Repeat("\x02", 498) + "\x00", nil, true},
		"records more than 1000 deep":                 {`{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`, strings.Repeat("\x02", 500) + "\x00", ErrDepth, false},
		"selecting nothing from a record with fields": {`"null"`, "", nil, true},
	} {
		s := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"other","type":`+tc.typ+`},{"name":"wanted","type":"long"}]}`)
		sel, err := s.Select(anything, "wanted")
		if err != nil {
			t.Fatal(err)
		}
		b := []byte(tc.bytes + "\x0e")
		var got [1]Value
		err = sel.Read(b, got[:])
		if !errors.Is(err, tc.want) || err == nil && (got[0].Int != 7 || got[0].Kind != Long) {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, tc.want)
		}
		if _, err := s.Decode(b); (err == nil) != tc.decodes {
			t.Errorf("%s: Decode says %v", name, err)
		}
		if err := sel.Read(append(b, 0), got[:]); err == nil {
			t.Errorf("%s: a trailing byte is accepted", name)
		}
	}
}

func anything(Type) error { return nil }

func TestSelectRefuses(t *testing.T) {
	if _, err := mustParse(t, `"int"`).Select(anything); err == nil {
		t.Error("an int has fields")
	}
	if _, err := mustParse(t, schemas[0]).Select(anything, "id", "lang"); err == nil || !strings.Contains(err.Error(), "lang") {
		t.Errorf("got %v", err)
	}
}
