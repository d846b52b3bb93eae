package influxdb

const description = `
### What a message is

- With ` + "`measurement`, `fields` and `timestamp`" + ` set, each message makes one point through these mappings.
- Otherwise a message that is an object, structured or with ` + "`{`" + ` as its first character, is one point: ` + "`{\"measurement\": \"tweets\", \"tags\": {\"brand\": \"SuperCoffee\"}, \"fields\": {\"count\": 3}, \"timestamp\": 1700000000000000000}`" + `, with the time in nanoseconds. ` + "`tags`" + ` may be missing, any other key is an error.
- Any other message is line protocol, one line or many, with times in nanoseconds. Blank lines and comments are skipped.

Tags and fields of a point are sorted by key. Integers become integer fields, also from JSON; a number with a point or an exponent becomes a float. A point needs a time of its own: InfluxDB would take the time of arrival, and a request that is sent twice would make two points. A time that is a float is an error, since a float cannot hold today's nanoseconds.

### Group commit

Batches that are under way at the same time (` + "`max_in_flight`" + `) share requests. A request leaves as soon as one of ` + "`requests_in_flight`" + ` is free, so a slow stream is written at once.
While all are busy, points gather, up to ` + "`max_points_per_request`" + ` and ` + "`max_body_bytes`" + `, so a fast stream fills its requests by itself.
A point that has waited for ` + "`flush_period`" + ` because all requests hang is sent on one more.
Each batch is acknowledged when InfluxDB has answered 204 for all its points, whichever requests they were in.
So nothing is buffered that has been acknowledged, and a ` + "`batching`" + ` policy is not needed: where an input hands on one small batch at a time, it would only make the stream wait.

### What happens to a request

| answer | what it means | what is done |
|---|---|---|
| 204 | stored | the batches are acknowledged |
| 413 | too large | it is halved, down to single points; a single one is refused |
| 400, 422 | some points are refused | they are looked for by halving, until each is alone; the good ones are written |
| 408, 425, 429, 5xx, time-out, reset | may pass by itself | it is sent again, after the longer of ` + "`Retry-After`" + ` (at most 1m) and the back-off |
| 401, 403, 404 and all others, also 200 and 202 | somebody must mend a setting | it is sent again every ` + "`backoff.max_interval`" + `, and the log says every 10s what to mend |

This goes on until the output is closed. A point that is sent twice is the same point, so nothing is doubled. Only 204 counts: other answers of success come from a proxy that may have stored nothing.

k refused points in a request of n cost about 2·k·log2(n) requests more.

### Refused points

InfluxDB refuses a point for ever if a field has another type than before, if the point is older than the bucket keeps, or if it is malformed. The rest of its message is stored. The refused point alone goes to the output ` + "`rejected`" + `: a message with the line as its bytes, the metadata of the message that it came in, and

- ` + "`influxdb_reason`" + `: InfluxDB's words, or what is wrong with a point that cannot be written as line protocol at all: an empty tag, NaN, a name that InfluxDB would change;
- ` + "`influxdb_status`" + `: the status of InfluxDB's answer; missing where it was not asked.

A message that cannot be read as points goes there as it is, as does one without points. The batch is acknowledged when ` + "`rejected`" + ` has taken them; while it fails, it is tried again. To drop refused points, say so: ` + "`rejected: { drop: {} }`" + `.

Without ` + "`rejected`" + ` the stream waits (` + "`on_reject: block`" + `). ` + "`on_reject: nack`" + ` fails the messages that hold refused points instead, for use directly under ` + "`fallback`" + `. Use it nowhere else: an error for single messages that reaches an input, through processors that filter or count, makes the input send the wrong messages again.

### Shutdown

While InfluxDB is away, batches wait. When the stream is stopped and ` + "`shutdown_timeout`" + ` runs out, they end without an acknowledgement, and the input hands them on again after the restart. None of their points goes to the refused ones.

### Metrics

| name | what |
|---|---|
| ` + "`influxdb_points_written`" + ` | points that InfluxDB has stored |
| ` + "`influxdb_points_rejected`" + ` | refused points and messages, by ` + "`reason`" + `: malformed, timestamp, no_points, too_large, type_conflict, retention, limit, other |
| ` + "`influxdb_points_waiting`" + ` | points taken and not stored yet |
| ` + "`influxdb_requests`" + ` | requests, by ` + "`verdict`" + `: done, split, refused, resend, mend (the rows of the table above) |
| ` + "`influxdb_points_sent`" + ` | points in all requests; by the number of requests it gives points a request |
| ` + "`influxdb_bytes_raw`, `influxdb_bytes_sent`" + ` | bytes of the requests before and after compression |
| ` + "`influxdb_request_latency_ns`" + ` | time from a request to its answer |
| ` + "`influxdb_retries`" + ` | requests that were sent again after a wait |
| ` + "`influxdb_splits`" + ` | requests that were halved |
| ` + "`influxdb_requests_in_flight`" + ` | requests that are being brought to a verdict |

### InfluxDB Cloud and 3

They speak the same protocol, but on InfluxDB Cloud a 204 means that the points are queued: some may still be refused later, and nobody is told. What is promised here holds for InfluxDB 1.8 and 2.x that you run yourself.
`

const exampleV2 = `
input:
  generate:
    count: 1
    mapping: |
      let nanoseconds = timestamp_unix() * 1000000000
      root = "tweets,brand=SuperCoffee,sentiment=positive count=3i " + $nanoseconds.string()

output:
  influxdb:
    url: "${INFLUXDB_URL:http://localhost:8086}"
    token: "${INFLUXDB_TOKEN:}"
    org: "${INFLUXDB_ORG:brandpulse}"
    bucket: brandpulse
    rejected:
      file:
        path: refused.lp
        codec: lines
`

const exampleV1 = `
input:
  generate:
    count: 1
    mapping: |
      root.measurement = "tweets"
      root.tags.brand = "SuperCoffee"
      root.fields.count = 3
      root.timestamp = timestamp_unix() * 1000000000

output:
  fallback:
    - influxdb:
        url: "${INFLUXDB_URL:http://localhost:8086}"
        token: "${INFLUXDB_USER:writer}:${INFLUXDB_PASSWORD:}"
        bucket: brandpulse/autogen
        create_bucket: true
        retention: 720h
        on_reject: nack
    - file:
        path: refused.jsonl
        codec: lines
`

const exampleMapping = `
input:
  generate:
    count: 1
    mapping: |
      root = {"city": "Cape Town", "temperature": 21.5, "time": "2026-01-02T03:04:05Z"}

output:
  influxdb:
    url: "${INFLUXDB_URL:http://localhost:8086}"
    token: "${INFLUXDB_TOKEN:}"
    org: "${INFLUXDB_ORG:home}"
    bucket: weather
    measurement: weather
    tags: 'root.city = this.city'
    fields: 'root.celsius = this.temperature.float64()'
    timestamp: 'root = this.time.ts_parse("2006-01-02T15:04:05Z07:00")'
`
