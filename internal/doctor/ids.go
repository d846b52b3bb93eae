package doctor

import "slices"

// ID names a kind of check. It is the anchor of its section in docs/troubleshooting.md,
// and a part of the JSON output: it does not change.
type ID string

// The checks of a configuration.
const (
	ConfigRead       ID = "config-read"
	ConfigVariables  ID = "config-variables"
	ConfigLint       ID = "config-lint"
	ConfigFiles      ID = "config-files"
	ConfigPlaintext  ID = "config-plaintext"
	ConfigRetention  ID = "config-retention"
	ConfigComponents ID = "config-components"
)

// The checks of this machine.
const (
	MachinePort   ID = "machine-port"
	MachineMemory ID = "machine-memory"
	MachineFiles  ID = "machine-files"
	MachineDisk   ID = "machine-disk"
)

// The checks of a Kafka.
const (
	KafkaNames       ID = "kafka-names"
	KafkaReach       ID = "kafka-reach"
	KafkaTLS         ID = "kafka-tls"
	KafkaLogin       ID = "kafka-login"
	KafkaAdvertised  ID = "kafka-advertised"
	KafkaTopic       ID = "kafka-topic"
	KafkaRead        ID = "kafka-read"
	KafkaWrite       ID = "kafka-write"
	KafkaLeaders     ID = "kafka-leaders"
	KafkaPartitions  ID = "kafka-partitions"
	KafkaCleanup     ID = "kafka-cleanup"
	KafkaMessageSize ID = "kafka-message-size"
	KafkaClock       ID = "kafka-clock"
	KafkaGroupAccess ID = "kafka-group-access"
	KafkaGroup       ID = "kafka-group"
	KafkaLag         ID = "kafka-lag"
	KafkaRetention   ID = "kafka-retention"
	KafkaStuck       ID = "kafka-stuck"
	KafkaSkew        ID = "kafka-skew"
	KafkaRecords     ID = "kafka-records"
	Registry         ID = "registry"
)

// The checks of an InfluxDB.
const (
	InfluxNames       ID = "influxdb-names"
	InfluxReach       ID = "influxdb-reach"
	InfluxTLS         ID = "influxdb-tls"
	InfluxHealth      ID = "influxdb-health"
	InfluxVersion     ID = "influxdb-version"
	InfluxClock       ID = "influxdb-clock"
	InfluxLogin       ID = "influxdb-login"
	InfluxOrg         ID = "influxdb-org"
	InfluxBucket      ID = "influxdb-bucket"
	InfluxWrite       ID = "influxdb-write"
	InfluxRetention   ID = "influxdb-retention"
	InfluxTypes       ID = "influxdb-types"
	InfluxCardinality ID = "influxdb-cardinality"
)

const (
	// Connection is the check of a component by its own connection test.
	Connection ID = "connection"
	// PipelineBottleneck is what the metrics of a running pipeline mean.
	PipelineBottleneck ID = "pipeline-bottleneck"
)

// IDs are all checks, in the order of docs/troubleshooting.md.
var IDs = []ID{
	ConfigRead, ConfigVariables, ConfigLint, ConfigFiles, ConfigPlaintext, ConfigRetention, ConfigComponents,
	MachinePort, MachineMemory, MachineFiles, MachineDisk,
	KafkaNames, KafkaReach, KafkaTLS, KafkaLogin, KafkaAdvertised, KafkaTopic, KafkaRead, KafkaWrite, KafkaLeaders,
	KafkaPartitions, KafkaCleanup, KafkaMessageSize, KafkaClock, KafkaGroupAccess, KafkaGroup, KafkaLag, KafkaRetention,
	KafkaStuck, KafkaSkew, KafkaRecords, Registry,
	InfluxNames, InfluxReach, InfluxTLS, InfluxHealth, InfluxVersion, InfluxClock, InfluxLogin, InfluxOrg, InfluxBucket,
	InfluxWrite, InfluxRetention, InfluxTypes, InfluxCardinality,
	Connection, PipelineBottleneck,
}

// known reports whether a check has a section in the page.
func (id ID) known() bool { return slices.Contains(IDs, id) }
