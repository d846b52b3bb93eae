//! Sends the lines of a file to a topic, in turn, until a number of records is reached:
//! BROKER TOPIC CODEC RECORDS FILE. The records are acknowledged by the leader.

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::ClientContext;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone)]
struct Context;

static FAILED: AtomicU64 = AtomicU64::new(0);

impl ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_err() {
            FAILED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, broker, topic, codec, records, file] = &args[..] else {
        panic!("usage: librdkafka-producer BROKER TOPIC CODEC RECORDS FILE");
    };
    let records: u64 = records.parse().expect("the number of records");
    let file = std::fs::read(file).expect("reading the file of records");
    let lines: Vec<&[u8]> = file.split(|b| *b == b'\n').filter(|l| !l.is_empty()).collect();

    let producer: BaseProducer<Context> = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("compression.codec", codec)
        .set("acks", "1")
        .set("linger.ms", "10")
        .set("batch.size", "1000000")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "1048576")
        .set("sticky.partitioning.linger.ms", "10")
        // Only failures are reported: a report per record would cost as much again.
        .set("delivery.report.only.error", "true")
        .create_with_context(Context)
        .expect("creating the producer");

    for n in 0..records {
        let line = lines[(n % lines.len() as u64) as usize];
        let mut record = BaseRecord::<(), [u8]>::to(topic).payload(line);
        while let Err((err, back)) = producer.send(record) {
            if err != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                panic!("sending record {n}: {err}");
            }
            producer.poll(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60)).expect("flushing");
    let failed = FAILED.load(Ordering::Relaxed);
    if failed > 0 {
        panic!("{failed} records were not delivered");
    }
}
