// A Benthos with all plugins of BrandPulse Connect, and the stock components that are
// imported below. It has the commands of Benthos: run, lint, list and so on.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/brandpulse/brandpulse-connect/plugins/all"
)

func main() {
	service.RunCLI(context.Background())
}
