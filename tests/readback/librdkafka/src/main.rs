//! Prints the records of a topic as librdkafka reads them, one a line: partition, offset,
//! timestamp in milliseconds, key, value, then name and value of each header, with tabs
//! between them. Bytes are hexadecimal, and null is "-".

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::io::Write;
use std::time::Duration;

fn hex(field: Option<&[u8]>) -> String {
    match field {
        None => "-".into(),
        Some(bytes) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, brokers, topic] = &args[..] else {
        return Err("usage: readback BROKERS TOPIC".into());
    };
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "readback")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .create()?;
    let timeout = Duration::from_secs(20);
    let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        all.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut open = all.count();
    while open > 0 {
        match consumer.poll(timeout) {
            None => return Err("no record and no end of a partition for 20 s".into()),
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(err)) => return Err(err.into()),
            Some(Ok(m)) => {
                write!(out, "{}\t{}\t{}\t{}\t{}", m.partition(), m.offset(), m.timestamp().to_millis().unwrap_or(-1), hex(m.key()), hex(m.payload()))?;
                for h in m.headers().iter().flat_map(|h| h.iter()) {
                    write!(out, "\t{}\t{}", hex(Some(h.key.as_bytes())), hex(h.value))?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(out.flush()?)
}
