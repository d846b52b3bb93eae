// Package all registers every BrandPulse component in the global environment
// of Benthos. Import it for its side effect, beside the component packages that
// a build has already:
//
//	import _ "github.com/brandpulse/brandpulse-connect/plugins/all"
//
// Each component can be had alone too: import its package instead. The package
// then brings nothing that the other components need.
package all

import (
	// Each registers itself under its standard name.
	_ "github.com/brandpulse/brandpulse-connect/plugins/influxdb"
	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
	_ "github.com/brandpulse/brandpulse-connect/plugins/subpartition"
	_ "github.com/brandpulse/brandpulse-connect/plugins/tweetgen"
)
