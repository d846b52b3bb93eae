#!/bin/sh
# Creates a token that can only read one bucket, and writes it to a file: for Grafana,
# which could write and delete with InfluxDB's operator token. A token that exists and
# works is kept.
#
#   INFLUX_HOST, INFLUX_TOKEN, INFLUX_ORG   InfluxDB 2, and a token that may create others
#   BUCKET                                  the bucket to read
#   TOKEN_FILE                              the file for the token
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
	echo "InfluxDB at $INFLUX_HOST has created no token" >&2
	exit 1
fi

# Readable by Grafana's user, and renamed so that it never reads half a token.
printf '%s' "$token" >"$TOKEN_FILE.part"
chmod 444 "$TOKEN_FILE.part"
mv -f "$TOKEN_FILE.part" "$TOKEN_FILE"
echo "a token that reads the bucket $BUCKET is in $TOKEN_FILE"
