package influxdb

import (
	"sync"

	// The lint rules use parse_duration, and a build without it would find
	// fault with every configuration.
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

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
		Summary("Writes points to InfluxDB 1.x, 2.x, 3 and Cloud. A message is acknowledged when InfluxDB has stored all its points, or when the points that it rejects are with an output of their own.").
		Description(manual()).
		Fields(
			service.NewURLField(fieldURL).
				Description("Address of the server.").
				Examples("http://localhost:8086", "https://influxdb.example.com:8086").
				// The value is shown by none: it may have a password.
				LintRule(`root = match {
  this.contains("@") || this.contains("?") => [ "`+wrongURL+`" ],
  !this.re_match("^https?://[^/]") => [ "`+wrongAddress+`" ],
  `+secret.NoURL+` => [ "`+secret.WrongURL(fieldURL)+`" ],
  this.re_match("`+apiPath+`") => [ "`+wrongPath+`" ],
}`),
			service.NewStringAnnotatedEnumField(fieldVersion, map[string]string{
				versionAuto: "`v1` with `username` set. Otherwise `v2`, or `v1` if the server does not know `/api/v2/write`, as InfluxDB before 1.8.",
				versionV1:   "`/write`: every InfluxDB 1.x, what speaks its protocol, and InfluxDB 2 for a bucket that is mapped to a database.",
				versionV2:   "`/api/v2/write`: InfluxDB 1.8, 2.x, 3 and Cloud.",
			}).
				Description("Which API to write to.").
				Default(versionAuto).
				LintRule(lintrule.Enum(fieldVersion, versionAuto, versionV1, versionV2)),
		).
		Fields(secret.Fields(fieldToken, "An API token that may write to the bucket; it needs no other permission, unless `create_bucket` or `replay_window` is set. InfluxDB 1.8: `user:password`, or empty if it asks for none.")...).
		Fields(
			service.NewStringField(fieldUsername).
				Description("A user of InfluxDB 1.x, or the name of a v1 authorisation of InfluxDB 2, instead of `token`. Points then go to `/write`.").
				Default(""),
		).
		Fields(secret.Fields(fieldPassword, "The password of `username`.")...).
		Fields(
			service.NewStringField(fieldOrg).
				Description("InfluxDB 2 and Cloud (TSM): name or id of the organisation. InfluxDB 1.x has none, the other versions ignore it.").
				Default(""),
			service.NewInterpolatedStringField(fieldBucket).
				Description("InfluxDB 2: name or id of the bucket. InfluxDB 1.x: `database`, or `database/retention-policy`. InfluxDB 3: the database. Each message can name its own: see Which server, and what to set.").
				Examples("brandpulse", "brandpulse/autogen", `tenant_${! @tenant }`).
				LintRule(lintrule.NotEmpty(fieldBucket)),
			service.NewInterpolatedStringField(fieldMeasurement).
				Description("Makes a point of each message: its measurement. Goes with `fields` and `timestamp`. A message that lacks a key it refers to is rejected.").
				Examples("weather", `${! @kafka_topic }`).
				Optional().
				LintRule(lintrule.NotEmpty(fieldMeasurement)),
			service.NewBloblangField(fieldTags).
				Description("Makes a point of each message: a mapping to the object of its tags, whose values are strings, numbers or booleans. A null is omitted. A mapping that returns null makes a point without tags.").
				Example(`root.city = this.city`).
				Optional(),
			service.NewBloblangField(fieldFields).
				Description("Makes a point of each message: a mapping to the object of its fields, whose values are strings, numbers or booleans. An integer stays an integer, a null is left out.").
				Example(`root.celsius = this.temperature.float64()`).
				Optional(),
			service.NewBloblangField(fieldTimestamp).
				Description("Makes a point of each message: a mapping to its time, an integer of nanoseconds since 1970 or a Bloblang timestamp. Take it from the message: with `now()` a message that is delivered twice makes two points.").
				Examples(`root = this.time.ts_parse("2006-01-02T15:04:05Z07:00")`, `root = this.milliseconds * 1000000`).
				Optional(),
			service.NewStringAnnotatedEnumField(fieldOnUnsupported, map[string]string{
				onUnsupportedReject:  "The point is rejected.",
				onUnsupportedReplace: "The nearest value that line protocol can carry is written: see What line protocol cannot carry.",
			}).
				Description("What happens to a point with a value or name that line protocol cannot carry, such as NaN or a tag that ends in a backslash. For points that this output makes; messages that are line protocol already are checked, and never changed.").
				Default(onUnsupportedReject).
				LintRule(lintrule.Enum(fieldOnUnsupported, onUnsupportedReject, onUnsupportedReplace)),
			service.NewBoolField(fieldUnsigned).
				Description("Write integers that a mapping has converted with `.uint64()`, or `.uint32()` and so on, as unsigned fields, `5u`: for fields that are unsigned in the bucket already, such as those written by Telegraf with `influx_uint_support`. By default they are signed, `5i`, unless they exceed the largest signed integer. InfluxDB 2 and later have unsigned fields; a stock InfluxDB 1.8 refuses them.").
				Default(false).
				Advanced(),
			service.NewOutputField(fieldRejected).
				Description("Output for the points that InfluxDB rejects, each as a message of its own: see Rejected points.").
				Optional(),
			service.NewIntField(fieldRejectedMaxBytes).
				Description("Maximum size in bytes of a message to `rejected`, metadata included; a longer one is cut and marked as such: see Rejected points. The default fits into Kafka's limit for a record of 1 MiB.").
				Default(1_000_000).
				Advanced().
				LintRule(lintrule.Int(fieldRejectedMaxBytes, minLetterBytes, 0)),
			service.NewStringAnnotatedEnumField(fieldOnReject, map[string]string{
				onRejectBlock: "The batch waits, and with it the stream; the rejected points are retried every 10 seconds, and the log gives the reason. Nothing is lost.",
				onRejectNack:  "The batch fails with an error that names the messages with rejected points. Only for use directly under `fallback`: see Rejected points.",
			}).
				Description("What happens to rejected points if `rejected` is not set.").
				Default(onRejectBlock).
				LintRule(lintrule.Enum(fieldOnReject, onRejectBlock, onRejectNack)),
			service.NewBoolField(fieldCreateBucket).
				Description("Create the bucket, in 1.x the database and the retention policy, if it does not exist at start. The token needs permission for that: in InfluxDB 2 to write buckets, and to read organisations unless `org` is an id. An existing bucket is not changed.").
				Default(false),
			service.NewDurationField(fieldRetention).
				Description("How long a bucket that is created keeps its points; `0s` means for ever, otherwise at least 1h. Points that are older are refused, so it must be longer than what the pipeline can replay.").
				Default("0s").
				Example("720h").
				Advanced().
				LintRule(lintrule.ZeroOrDuration(fieldRetention, forEver, minRetention, 0)),
			service.NewDurationField(fieldReplayWindow).
				Description("How old a point may be that the pipeline writes again, such as the retention of the Kafka topic. At the start the retention of the bucket is read, whether it was created or was there, and a shorter one is an error; the token must be allowed to read it. `0s` does not check. Not for InfluxDB 3, Cloud Dedicated and Clustered, which do not tell.").
				Default("0s").
				Example("168h").
				Advanced().
				LintRule(lintrule.Duration(fieldReplayWindow, 0, 0)),
			service.NewBoolField(fieldGzip).
				Description("Compress requests, at level 1: 0.1 to 0.2 µs of CPU a point for a request that is seven (counts) to sixteen times (tweets) smaller. On one machine with InfluxDB nothing is gained by it.").
				Default(true),
			service.NewDurationField(fieldTimeout).
				Description("How long a request may take. Then it is sent again, since nobody knows whether its points are stored.").
				Default("30s").
				LintRule(lintrule.Duration(fieldTimeout, shortest, 0)),
			service.NewTLSToggledField(fieldTLS),
			service.NewURLField(fieldProxyURL).
				Description("A proxy on the way to the server, by HTTP or SOCKS5. Without it, `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the environment hold.").
				Example("http://proxy.example.com:3128").
				Optional().
				Advanced().
				LintRule(`root = match {
  !this.re_match("^(https?|socks5)://[^/]") => [ "`+wrongProxy+`" ],
  `+secret.NoURL+` => [ "`+secret.WrongURL(fieldProxyURL)+`" ],
}`),
			service.NewStringMapField(fieldHeaders).
				Description("More headers for each request, such as the key of a gateway. They are not shown by `echo`. `Authorization` and what describes the body are set by the output.").
				Default(map[string]any{}).
				Example(map[string]any{"X-Api-Key": "${GATEWAY_KEY}"}).
				Advanced().
				Secret(),
			service.NewDurationField(fieldFlushPeriod).
				Description("When all requests are under way and the oldest waiting point has waited for so long, its group leaves all the same, as one of at most `requests_in_flight` more. At most 5s.").
				Default("1s").
				Advanced().
				LintRule(lintrule.Duration(fieldFlushPeriod, shortest, maxFlushPeriod)),
			service.NewIntField(fieldMaxPoints).
				Description("The most points in a request. InfluxData advises 5,000, and the default is 80 % of that; the servers have no limit of their own but that of bytes.").
				Default(4000).
				Advanced().
				LintRule(lintrule.Int(fieldMaxPoints, 1, 0)),
			service.NewIntField(fieldMaxBodyBytes).
				Description("The most bytes in a request before compression. InfluxDB 1.8 takes 25,000,000, a proxy with nginx's defaults 1,048,576 as compressed. A point that is larger by itself is refused.").
				Default(4_000_000).
				Advanced().
				LintRule(lintrule.Int(fieldMaxBodyBytes, minBodyBytes, 0)),
			service.NewIntField(fieldRequestsInFlight).
				Description("Requests under way at the same time. More of them make the groups smaller.").
				Default(2).
				Advanced().
				LintRule(lintrule.Int(fieldRequestsInFlight, 1, 0)),
			service.NewIntField(fieldMaxInFlight).
				Description("Batches under way at the same time. Their points share requests, so many small batches need a high number.").
				Default(256).
				LintRule(lintrule.Int(fieldMaxInFlight, 1, 0)),
			service.NewStringAnnotatedEnumField(fieldOrder, map[string]string{
				orderNone:   "Requests in flight at the same time may be stored in any order: of two values for the same point that are in flight together, either can stay.",
				orderSeries: "Points of one series (measurement and tags) are stored in the order in which their batches arrive, whatever is retried: see Which value stays.",
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
					Description("Longest wait, also between two attempts to connect while a setting is wrong.").
					Default("5s").
					LintRule(lintrule.Duration(fieldMaxInterval, shortest, 0)),
			).
				Description("Waits before a request is retried. Each is varied by up to half, so that many writers do not retry at once.").
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
