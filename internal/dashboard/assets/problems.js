// What to do about a problem with InfluxDB, or with the dashboard's own server.

/** The server's reason for refusing this view. */
export const refusedNotice = (reason) => ({ level: "bad", title: "The dashboard refuses this view", lines: [reason, "This page tries again every few seconds."] });

export function problemNotice(problem, { url, bucket, measurement }) {
  switch (problem.kind) {
    case "unreachable":
      return { level: "bad", title: `No InfluxDB answers at ${url}`, lines: [`${problem.message}. Start it, or say where it is. This page goes on by itself.`, { code: "brandpulse-connect dashboard --influxdb-url http://HOST:8086" }] };
    case "refused":
      return { level: "bad", title: "InfluxDB refuses the token", lines: [`The dashboard needs one that may read the bucket ${bucket}, and no more. In InfluxDB 1.8 the token is USER:PASSWORD.`, { code: `influx auth create --read-buckets\nINFLUXDB_TOKEN=... brandpulse-connect dashboard` }] };
    case "missing":
      return { level: "bad", title: `InfluxDB has no bucket ${bucket} for this token`, lines: ["It is made by the ingest when it is told to, or by hand. If it has another name, say so:", { code: `INFLUXDB_CREATE_BUCKET=true brandpulse-connect run config/ingest.yaml\nbrandpulse-connect dashboard --influxdb-bucket NAME` }] };
    case "slow":
      return { level: "busy", title: "InfluxDB takes long to answer", lines: [`${problem.message}. It may be busy writing. The dashboard asks again, in smaller parts.`] };
    case "empty":
      return { level: "info", title: "No tweets yet", lines: [`The bucket ${bucket} holds none in the measurement ${measurement} for this range. Tweets come from a generator, through Kafka, with:`, { code: "brandpulse-connect run config/generate.yaml\nbrandpulse-connect run config/ingest.yaml" }, "Or see all of it on this machine: brandpulse-connect demo"] };
    default:
      return { level: "bad", title: "InfluxDB gives no numbers", lines: [problem.message] };
  }
}
