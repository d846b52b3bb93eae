// What to do about a problem with InfluxDB, or with the dashboard's own server.

import * as format from "./format.js";

/** The server's reason for refusing this view. */
const refusedNotice = (reason) => ({ level: "bad", title: "The dashboard refuses this view", lines: [reason, "This page retries every few seconds."] });

/** The server does not respond since a time of the browser, in milliseconds. What the
    page shows, if anything, is older. */
export const brokenNotice = (lost, some) => ({
  level: "bad", title: "The dashboard does not respond",
  lines: [some ? "The page shows the last data that it received. It recovers by itself when the program runs again:" : "This page retries every few seconds. If the program has ended, start it:", { code: "brandpulse-connect dashboard" }],
  since: `No response ${format.since(lost, Date.now())}.`,
});

const patience = 3000; // milliseconds in which a page that opens may connect

/** Shows on a page that its connection is lost or refused. some: it has received data. */
export function showLost({ live, notice }, { refused, lost }, some) {
  const broken = some || Date.now() - lost > patience;
  live("lost", refused ? "Refused" : broken ? `Disconnected for ${format.age((Date.now() - lost) / 1000)}` : "Connecting");
  notice(refused ? refusedNotice(refused) : broken ? brokenNotice(lost, some) : null);
}

export function problemNotice(problem, { url, bucket, measurement, since }, now) {
  const silent = problem.kind === "unreachable" || problem.kind === "slow";
  return { ...wordsOf(problem, url, bucket, measurement), since: since ? `No ${silent ? "response" : "data"} ${format.since(since, now)}.` : "" };
}

function wordsOf({ kind, message }, url, bucket, measurement) {
  switch (kind) {
    case "unreachable":
      return { level: "bad", title: `InfluxDB is unreachable at ${url}`, lines: [`${message}.`, "Start InfluxDB, or set its address. This page recovers by itself.", { code: "brandpulse-connect dashboard --influxdb-url http://HOST:8086" }] };
    case "refused":
      return { level: "bad", title: "InfluxDB rejects the token", lines: [`${message}.`, `The dashboard needs a token with read access to the bucket ${bucket}. For InfluxDB 1.8 the token is USER:PASSWORD.`, { code: "influx auth create --read-buckets\nINFLUXDB_TOKEN=... brandpulse-connect dashboard" }] };
    case "missing":
      return { level: "bad", title: `InfluxDB has no bucket ${bucket} for this token`, lines: [`${message}.`, "The ingest creates it with INFLUXDB_CREATE_BUCKET=true. If the bucket has another name, set it:", { code: "INFLUXDB_CREATE_BUCKET=true brandpulse-connect run config/exact.yaml\nbrandpulse-connect dashboard --influxdb-bucket NAME" }] };
    case "slow":
      return { level: "busy", title: "InfluxDB is slow to respond", lines: [`${message}. It may be busy with writes. The dashboard retries with smaller queries.`] };
    case "empty":
      return { level: "info", title: "No tweets yet", lines: [`The bucket ${bucket} has no tweets in the measurement ${measurement} for this range. If yours are stored elsewhere, set --influxdb-bucket and --measurement. To try it with generated tweets, through Kafka:`, { code: "brandpulse-connect run config/generate.yaml\nbrandpulse-connect run config/exact.yaml" }, "To run everything on this machine: brandpulse-connect demo"] };
    default:
      return { level: "bad", title: "InfluxDB returns an error", lines: [`${message}.`] };
  }
}
