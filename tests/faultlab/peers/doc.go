// Package peers measures other ways from Kafka to InfluxDB beside ours, under
// some of the faults of the laboratory: how many tweets each has lost or doubled
// afterwards. Their configurations lie in testdata; each is the best that we know
// for what it does, or says that it is not.
package peers
