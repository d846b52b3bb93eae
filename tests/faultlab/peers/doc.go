// Package peers measures other ways from Kafka to InfluxDB beside ours, under some of
// the laboratory's faults: how many tweets each has lost or duplicated afterwards.
// Their configurations are in testdata; each is the best known one for its purpose, or
// says that it is not.
package peers
