package brandview

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What would break: a name that ends its own quotes, and goes on as a query.
func TestIdentifier(t *testing.T) {
	for name, want := range map[string]string{
		"tweets":                 `"tweets"`,
		`a"b`:                    `"a\"b"`,
		`a\`:                     `"a\\"`,
		`a\"; DROP DATABASE x--`: `"a\\\"; DROP DATABASE x--"`,
		"Café Très":              `"Café Très"`,
		"":                       "",
		"a\nb":                   "",
		"a\x00b":                 "",
		"a\xffb":                 "",
		strings.Repeat("a", 513): "",
	} {
		got, err := identifier(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q becomes %q, %v; want %q", name, got, err, want)
		}
	}
}

// An identifier must be read back as the name that it was made from.
func FuzzIdentifier(f *testing.F) {
	for _, name := range []string{"tweets", `a"b`, `\`, `\"`, `"" "`} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		quoted, err := identifier(name)
		if err != nil {
			return
		}
		inner := quoted[1 : len(quoted)-1]
		var read strings.Builder
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '"', '\n':
				t.Fatalf("%q ends before its end", quoted)
			case '\\':
				if i++; i == len(inner) || inner[i] != '\\' && inner[i] != '"' {
					t.Fatalf("%q has an escape that InfluxQL does not know", quoted)
				}
			}
			read.WriteByte(inner[i])
		}
		if read.String() != name {
			t.Fatalf("%q is read as %q", quoted, read.String())
		}
	})
}

func TestStatements(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{countsStatement(`"tweets"`, 15), `SELECT sum("count") FROM "tweets" WHERE time >= $from AND time < $to GROUP BY time(15s), "brand", "sentiment" fill(none)`},
		{textsStatement(`"tweets"`, textQuery{limit: 20}), `SELECT "text", "brand", "sentiment" FROM "tweets" WHERE time >= $from AND time < $to ORDER BY time DESC LIMIT 20`},
		{textsStatement(`"tweets"`, textQuery{brands: []string{"A", "B"}, limit: 20}), `SELECT "text", "brand", "sentiment" FROM "tweets" WHERE time >= $from AND time < $to AND ("brand" = $brand0 OR "brand" = $brand1) ORDER BY time DESC LIMIT 20`},
		{textsStatement(`"tweets"`, textQuery{brands: []string{"A"}, sentiments: []string{"negative"}, words: []string{`'; DROP`, "/"}, limit: 20}), `SELECT "text", "brand", "sentiment" FROM "tweets" WHERE time >= $from AND time < $to AND ("brand" = $brand0) AND ("sentiment" = $sentiment0) AND "text" =~ $word0 AND "text" =~ $word1 ORDER BY time DESC LIMIT 20`},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Error(diff)
		}
	}
}
