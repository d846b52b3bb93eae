package all_test

import (
	"fmt"
	"log"

	"github.com/redpanda-data/benthos/v4/public/service"

	// One plugin alone. A blank import is enough to have it as influxdb; the
	// others, and what they need, stay out of the build.
	"github.com/brandpulse/brandpulse-connect/plugins/influxdb"
)

// A build that calls something else influxdb takes the output under another
// name. Benthos does not complain about a name that is taken: the component
// that registers last has it.
func Example_underAnotherName() {
	env := service.NewEnvironment()
	if err := influxdb.Register(env, "influxdb_exact"); err != nil {
		log.Fatal(err)
	}

	linter := env.NewComponentConfigLinter()
	for _, config := range []string{
		`influxdb_exact: { url: http://localhost:8086, bucket: brandpulse }`,
		`influxdb_exact: { url: localhost:8086, bucket: brandpulse }`,
	} {
		lints, err := linter.LintOutputYAML([]byte(config))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(lints)
	}
	// Output:
	// []
	// [(1,1) url must be like http://localhost:8086]
}
