package influxdb

import (
	"sync"

	// The lint rules use parse_duration; without it, lint would reject every
	// configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lintrule"
	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

const (
	fieldURL              = "url"
	fieldVersion          = "version"
	fieldToken            = "token"
	fieldUsername         = "username"
	fieldPassword         = "password"
	fieldOrg              = "org"
	fieldBucket           = "bucket"
	fieldMeasurement      = "measurement"
	fieldTags             = "tags"
	fieldFields           = "fields"
	fieldTimestamp        = "timestamp"
	fieldOnUnsupported    = "on_unsupported"
	fieldUnsigned         = "unsigned"
	fieldRejected         = "rejected"
	fieldRejectedMaxBytes = "rejected_max_bytes"
	fieldOnReject         = "on_reject"
	fieldCreateBucket     = "create_bucket"
	fieldRetention        = "retention"
	fieldReplayWindow     = "replay_window"
	fieldGzip             = "gzip"
	fieldTimeout          = "timeout"
	fieldTLS              = "tls"
	fieldProxyURL         = "proxy_url"
	fieldHeaders          = "headers"
	fieldFlushPeriod      = "flush_period"
	fieldMaxPoints        = "max_points_per_request"
	fieldMaxBodyBytes     = "max_body_bytes"
	fieldRequestsInFlight = "requests_in_flight"
	fieldMaxInFlight      = "max_in_flight"
	fieldOrder            = "order"
	fieldBackoff          = "backoff"
	fieldInitialInterval  = "initial_interval"
	fieldMaxInterval      = "max_interval"
)

// spec is built once, since parsing its lint rules takes tens of milliseconds.
var spec = sync.OnceValue(func() *service.ConfigSpec {
	s := service.NewConfigSpec().
		Stable().
		Version("0.1.0").
		Categories("Services").
		Summary("Writes points to InfluxDB 1.x, 2.x, 3 and Cloud. A message is acknowledged when InfluxDB has stored all its points, or when an output of their own has accepted those that InfluxDB rejects.").
		Description(manual()).
		Fields(
			service.NewURLField(fieldURL).
				Description("Address of the server.").
				Examples("http://localhost:8086", "https://influxdb.example.com:8086").
				// No rule shows the value: it may contain a password.
				LintRule(`root = match {
  this.contains("@") || this.contains("?") => [ "`+wrongURL+`" ],
  !this.re_match("^https?://[^/]") => [ "`+wrongAddress+`" ],
  `+secret.NoURL+` => [ "`+secret.WrongURL(fieldURL)+`" ],
  this.re_match("`+apiPath+`") => [ "`+wrongPath+`" ],
}`),
			service.NewStringAnnotatedEnumField(fieldVersion, map[string]string{
				versionAuto: "`v1` with `username` set. Otherwise `v2`, or `v1` if the server does not have `/api/v2/write`, like InfluxDB before 1.8.",
				versionV1:   "`/write`: every InfluxDB 1.x, compatible servers, and InfluxDB 2 for a bucket that is mapped to a database.",
				versionV2:   "`/api/v2/write`: InfluxDB 1.8, 2.x, 3 and Cloud.",
			}).
				Description("Which API to write to.").
				Default(versionAuto).
				LintRule(lintrule.Enum(fieldVersion, versionAuto, versionV1, versionV2)),
		).
		Fields(secret.Fields(fieldToken, "An API token that may write to the bucket; it needs no other permission, unless `create_bucket` or `replay_window` is set. InfluxDB 1.8: `user:password`, or empty without authentication.")...).
		Fields(
			service.NewStringField(fieldUsername).
				Description("A user of InfluxDB 1.x, or the name of a v1 authorisation of InfluxDB 2, instead of `token`. Points then go to `/write`.").
				Default(""),
		).
		Fields(secret.Fields(fieldPassword, "The password of `username`.")...).
		Fields(
			service.NewStringField(fieldOrg).
				Description("InfluxDB 2 and Cloud (TSM): name or id of the organisation. InfluxDB 1.x has none; other versions ignore it.").
				Default(""),
			service.NewInterpolatedStringField(fieldBucket).
				Description("InfluxDB 2: name or id of the bucket. InfluxDB 1.x: `database`, or `database/retention-policy`. InfluxDB 3: the database. Each message can name its own: see Which server, and what to set.").
				Examples("brandpulse", "brandpulse/autogen", `tenant_${! @tenant }`).
				LintRule(lintrule.NotEmpty(fieldBucket)),
			service.NewInterpolatedStringField(fieldMeasurement).
				Description("Turns each message into a point: its measurement. Requires `fields` and `timestamp`. A message that lacks a key it refers to is rejected.").
				Examples("weather", `${! @kafka_topic }`).
				Optional().
				LintRule(lintrule.NotEmpty(fieldMeasurement)),
			service.NewBloblangField(fieldTags).
				Description("Turns each message into a point: a mapping to the object of its tags, whose values are strings, numbers or booleans. A null is omitted. If the mapping returns null, the point has no tags.").
				Example(`root.city = this.city`).
				Optional(),
			service.NewBloblangField(fieldFields).
				Description("Turns each message into a point: a mapping to the object of its fields, whose values are strings, numbers or booleans. An integer stays an integer. A null is omitted.").
				Example(`root.celsius = this.temperature.float64()`).
				Optional(),
			service.NewBloblangField(fieldTimestamp).
				Description("Turns each message into a point: a mapping to its time, an integer of nanoseconds since 1970 or a Bloblang timestamp. Take it from the message: with `now()`, a redelivered message would become a second point.").
				Examples(`root = this.time.ts_parse("2006-01-02T15:04:05Z07:00")`, `root = this.milliseconds * 1000000`).
				Optional(),
			service.NewStringAnnotatedEnumField(fieldOnUnsupported, map[string]string{
				onUnsupportedReject:  "The point is rejected.",
				onUnsupportedReplace: "The nearest value that line protocol can carry is written: see What line protocol cannot carry.",
			}).
				Description("What happens to a point with a value or name that line protocol cannot carry, such as NaN or a tag that ends in a backslash. It applies to points that this output encodes. Messages that are line protocol already are checked, but never changed.").
				Default(onUnsupportedReject).
				LintRule(lintrule.Enum(fieldOnUnsupported, onUnsupportedReject, onUnsupportedReplace)),
			service.NewBoolField(fieldUnsigned).
				Description("Write integers that a mapping has converted with `.uint64()`, `.uint32()` and so on as unsigned fields (`5u`), for fields that are unsigned in the bucket already, such as those written by Telegraf with `influx_uint_support`. By default they are signed (`5i`), unless they exceed the largest signed integer. InfluxDB 2 and later have unsigned fields; a stock InfluxDB 1.8 rejects them.").
				Default(false).
				Advanced(),
			service.NewOutputField(fieldRejected).
				Description("Output for the points that InfluxDB rejects, each as a message of its own: see Rejected points.").
				Optional(),
			service.NewIntField(fieldRejectedMaxBytes).
				Description("Maximum size in bytes of a message to `rejected`, including metadata. A longer one is truncated and marked as such: see Rejected points. The default fits into Kafka's default limit of 1 MiB per record.").
				Default(letter.DefaultBytes).
				Advanced().
				LintRule(lintrule.Int(fieldRejectedMaxBytes, letter.MinBytes, 0)),
			service.NewStringAnnotatedEnumField(fieldOnReject, map[string]string{
				onRejectBlock: "The batch waits, and with it the stream; the rejected points are retried every 10 seconds, and the log gives the reason. Nothing is lost.",
				onRejectNack:  "The batch fails with an error that names the messages with rejected points. Only for use directly under `fallback`: see Rejected points.",
			}).
				Description("What happens to rejected points if `rejected` is not set.").
				Default(onRejectBlock).
				LintRule(lintrule.Enum(fieldOnReject, onRejectBlock, onRejectNack)),
			service.NewBoolField(fieldCreateBucket).
				Description("Create the bucket (in 1.x, the database and the retention policy) if it does not exist at start. The token needs permission for that: in InfluxDB 2 to write buckets, and to read organisations unless `org` is an id. An existing bucket is not changed.").
				Default(false),
			service.NewDurationField(fieldRetention).
				Description("Retention of a bucket that is created. `0s` means forever, otherwise at least 1h. InfluxDB rejects older points, so it must cover what the pipeline can replay.").
				Default("0s").
				Example("720h").
				Advanced().
				LintRule(lintrule.ZeroOrDuration(fieldRetention, forEver, minRetention, 0)),
			service.NewDurationField(fieldReplayWindow).
				Description("The age of the oldest point that a replay may write, such as the retention of the Kafka topic. At start the output reads the bucket's retention, and does not connect if it is shorter; the token must be allowed to read the bucket. `0s` disables the check. Not available with InfluxDB 3, Cloud Dedicated and Clustered, which have no such API.").
				Default("0s").
				Example("168h").
				Advanced().
				LintRule(lintrule.Duration(fieldReplayWindow, 0, 0)),
			service.NewBoolField(fieldGzip).
				Description("Compress requests with gzip, level 1: 0.1 to 0.2 µs of CPU per point for requests that are 7 (counts) to 16 times (tweets) smaller. It has no benefit if InfluxDB runs on the same machine.").
				Default(true),
			service.NewDurationField(fieldTimeout).
				Description("Time limit of a request. After that it is retried, since its points may not be stored.").
				Default("30s").
				LintRule(lintrule.Duration(fieldTimeout, shortest, 0)),
			service.NewTLSToggledField(fieldTLS),
			service.NewURLField(fieldProxyURL).
				Description("HTTP or SOCKS5 proxy for requests to the server. By default, the environment variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` apply.").
				Example("http://proxy.example.com:3128").
				Optional().
				Advanced().
				LintRule(`root = match {
  !this.re_match("^(https?|socks5)://[^/]") => [ "`+wrongProxy+`" ],
  `+secret.NoURL+` => [ "`+secret.WrongURL(fieldProxyURL)+`" ],
}`),
			service.NewStringMapField(fieldHeaders).
				Description("Additional headers of each request, such as the key of a gateway. `echo` does not show them. The output itself sets `Authorization` and the headers that describe the body.").
				Default(map[string]any{}).
				Example(map[string]any{"X-Api-Key": "${GATEWAY_KEY}"}).
				Advanced().
				Secret(),
			service.NewDurationField(fieldFlushPeriod).
				Description("If all requests are in flight and the oldest waiting point has waited for this long, its group is sent on one of up to `requests_in_flight` additional requests. At most 5s.").
				Default("1s").
				Advanced().
				LintRule(lintrule.Duration(fieldFlushPeriod, shortest, maxFlushPeriod)),
			service.NewIntField(fieldMaxPoints).
				Description("Maximum number of points per request. InfluxData recommends 5,000, and the default is 80 % of that. The servers only limit bytes.").
				Default(4000).
				Advanced().
				LintRule(lintrule.Int(fieldMaxPoints, 1, 0)),
			service.NewIntField(fieldMaxBodyBytes).
				Description("Maximum size of a request in bytes, before compression. InfluxDB 1.8 accepts 25,000,000, a proxy with nginx's defaults 1,048,576 after compression. A single point that is larger is rejected.").
				Default(4_000_000).
				Advanced().
				LintRule(lintrule.Int(fieldMaxBodyBytes, minBodyBytes, 0)),
			service.NewIntField(fieldRequestsInFlight).
				Description("Maximum number of concurrent requests. More requests mean fewer points per request.").
				Default(2).
				Advanced().
				LintRule(lintrule.Int(fieldRequestsInFlight, 1, 0)),
			service.NewIntField(fieldMaxInFlight).
				Description("Maximum number of concurrent batches. Their points share requests, so many small batches need a high number.").
				Default(256).
				LintRule(lintrule.Int(fieldMaxInFlight, 1, 0)),
			service.NewStringAnnotatedEnumField(fieldOrder, map[string]string{
				orderNone:   "Requests in flight at the same time may be stored in any order: of two values for the same point that are in flight together, either can stay.",
				orderSeries: "Points of one series (measurement and tags) are stored in the order in which their batches arrive, even after retries: see Which value stays.",
			}).
				Description("Whether points of one series may overtake each other.").
				Default(orderNone).
				LintRule(lintrule.Enum(fieldOrder, orderNone, orderSeries)).
				Advanced(),
			service.NewObjectField(fieldBackoff,
				service.NewDurationField(fieldInitialInterval).
					Description("Wait after the first failure. It doubles with each further failure.").
					Default("100ms").
					LintRule(lintrule.Duration(fieldInitialInterval, shortest, 0)),
				service.NewDurationField(fieldMaxInterval).
					Description("Longest wait, also between attempts to connect while a setting is wrong.").
					Default("5s").
					LintRule(lintrule.Duration(fieldMaxInterval, shortest, 0)),
			).
				Description("Waits before a request is retried. Each varies randomly by up to half, so that many writers do not retry at once.").
				Advanced(),
		).
		LintRule(`root = match {
  this.url.or("").has_prefix("http://") && this.tls.enabled.or(false) => [ "` + wrongTLS + `" ],
  this.exists("measurement") != this.exists("fields") || this.exists("measurement") != this.exists("timestamp") => [ "` + wrongMapping + `" ],
  this.exists("tags") && !this.exists("measurement") => [ "` + wrongTags + `" ],
  this.exists("rejected") && this.on_reject.or("block") == "nack" => [ "` + wrongReject + `" ],
  this.retention.or("0s") != "0s" && !this.create_bucket.or(false) => [ "` + wrongRetention + `" ],
  this.retention.or("0s").parse_duration().catch(0) != 0 && this.retention.or("0s").parse_duration().catch(0) < this.replay_window.or("0s").parse_duration().catch(0) => [ "` + wrongReplayed + `" ],
  this.headers.or({}).keys().any(name -> name.lowercase() == "authorization") => [ "` + wrongAuthorization + `" ],
  this.headers.or({}).keys().any(name -> ["content-type", "content-encoding", "content-length", "transfer-encoding", "expect"].contains(name.lowercase())) => [ "` + wrongBodyHeader + `" ],
  ` + secret.Twice(fieldToken) + ` => [ "` + secret.WrongTwice(fieldToken) + `" ],
  ` + secret.Twice(fieldPassword) + ` => [ "` + secret.WrongTwice(fieldPassword) + `" ],
  this.username.or("") != "" && ` + secret.IsSet(fieldToken) + ` => [ "` + wrongUser + `" ],
  this.username.or("") == "" && ` + secret.IsSet(fieldPassword) + ` => [ "` + wrongPassword + `" ],
  this.username.or("") != "" && this.version.or("auto") == "v2" => [ "` + wrongVersion + `" ],
  this.org.or("") != "" && (this.version.or("auto") == "v1" || this.username.or("") != "") => [ "` + wrongOrg + `" ],
  this.backoff.initial_interval.or("100ms").parse_duration().catch(0) > this.backoff.max_interval.or("5s").parse_duration().catch(9223372036854775807) => [ "` + wrongBackoff + `" ],
  this.bucket.or("").contains("$"+"{!") && this.create_bucket.or(false) => [ "` + wrongCreate + `" ],
  this.bucket.or("").contains("$"+"{!") && this.replay_window.or("0s").parse_duration().catch(0) != 0 => [ "` + wrongReplay + `" ],
}`)
	for _, e := range examples {
		s = s.Example(e.title, e.summary, e.config())
	}
	return s
})
