#!/bin/sh
# Makes a token that can read one bucket and do nothing else, and puts it into a
# file: for Grafana, which InfluxDB's own token would let write and delete. A token
# that is there and works is kept.
#
#   INFLUX_HOST, INFLUX_TOKEN, INFLUX_ORG   InfluxDB 2, and a token that may make others
#   BUCKET                                  what can be read
#   TOKEN_FILE                              where the token goes
set -eu

if [ -s "$TOKEN_FILE" ] && INFLUX_TOKEN=$(cat "$TOKEN_FILE") influx bucket list --name "$BUCKET" >/dev/null 2>&1; then
	echo "the token in $TOKEN_FILE reads the bucket $BUCKET"
	exit 0
fi

id=$(influx bucket list --name "$BUCKET" --hide-headers | cut -f 1)
if [ -z "$id" ]; then
	echo "the bucket $BUCKET of the organisation $INFLUX_ORG was not found in InfluxDB at $INFLUX_HOST: see above why" >&2
	exit 1
fi
token=$(influx auth create --description "reads the bucket $BUCKET, for Grafana" --read-bucket "$id" --json |
	sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
if [ -z "$token" ]; then
	echo "InfluxDB at $INFLUX_HOST has made no token" >&2
	exit 1
fi

# Grafana runs as another user than this script. It must never see half a token.
printf '%s' "$token" >"$TOKEN_FILE.part"
chmod 444 "$TOKEN_FILE.part"
mv -f "$TOKEN_FILE.part" "$TOKEN_FILE"
echo "a token that reads the bucket $BUCKET is in $TOKEN_FILE"
