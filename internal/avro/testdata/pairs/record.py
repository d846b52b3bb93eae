"""Writes pairs.json: data of many writers' schemas, and what two independent
implementations of Avro make of each when they read it as a tweet: fastavro, and
Apache Avro's library for Java. internal/avro is compared with both.

    pip install fastavro
    mvn dependency:copy-dependencies -DoutputDirectory=lib      # a pom.xml with org.apache.avro:avro
    python3 record.py lib
"""
import copy, datetime, io, json, os, subprocess, sys
import fastavro
from fastavro.schema import parse_schema

HERE = os.path.dirname(os.path.abspath(__file__))
TWEET = os.path.join(HERE, "../../../../schemas/tweet.avsc")
READER = json.load(open(TWEET))
TIME = 1767225600123  # 2026-01-01

SENTIMENT = {"type": "enum", "name": "Sentiment", "symbols": ["positive", "negative", "neutral"]}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
BASE = {"id": "string", "text": "string", "brand": "string", "sentiment": SENTIMENT, "timestamp": MILLIS}
VALUE = {"id": "i-1", "text": "grün \U0001f600", "brand": "SuperCoffee", "sentiment": "negative", "timestamp": TIME}


def enum(*symbols, **more):
    return {"type": "enum", "name": "Sentiment", "symbols": list(symbols), **more}


def logical(base, name, **more):
    return {"type": base, "logicalType": name, **more}


def tweet(order=None, extra=(), name="Tweet", namespace="com.brandpulse", **types):
    """The schema of a tweet whose fields have other types, another order, or company."""
    fields = [{"name": n, "type": types.get(n, BASE[n])} for n in (order or BASE) if types.get(n, 0) is not None]
    return {"type": "record", "name": name, "namespace": namespace, "fields": fields + list(extra)}


def field(name, type, **more):
    return {"name": name, "type": type, **more}


NODE = {"type": "record", "name": "Node", "fields": [field("v", "int"), field("next", ["null", "Node"])]}
OTHER = {"type": "record", "name": "Other", "namespace": "com.brandpulse", "fields": [field("a", "string")]}
REFERRED = json.dumps({"type": "enum", "name": "Sentiment", "namespace": "com.acme", "symbols": ["neutral", "positive", "negative"]})

# Name, writer's schema, and values: what differs from VALUE, or the bytes in hex.
TABLE = [
    ("own", tweet(), [{}, {"sentiment": "positive"}, {"timestamp": -1}, {"timestamp": 0}, {"text": ""}]),
    ("reordered", tweet(["timestamp", "sentiment", "brand", "text", "id"]), [{}]),
    ("without a logical type", tweet(timestamp="long"), [{}]),
    ("java strings", tweet(id={"type": "string", "avro.java.string": "String"}, text={"type": "string", "avro.java.string": "String"}), [{}]),
    ("uuid", tweet(id=logical("string", "uuid")), [{"id": "5e6ca7ae-3b9c-4c0f-b7e4-0d8f5f3f8a10"}]),
    ("bytes", tweet(id="bytes", text="bytes", brand="bytes"), [{"id": b"i-1", "text": "grün".encode(), "brand": b"B"}]),
    ("int timestamp", tweet(timestamp="int"), [{"timestamp": 1767225600}, {"timestamp": -5}]),
    ("nullable text", tweet(text=["null", "string"]), [{}, {"text": None}]),
    ("nullable text, null last", tweet(text=["string", "null"]), [{}, {"text": None}]),
    ("nullable all", tweet(id=["null", "string"], brand=["null", "string"], sentiment=["null", SENTIMENT], timestamp=["null", MILLIS]),
     [{}, {"id": None}, {"brand": None}, {"sentiment": None}, {"timestamp": None}]),
    ("union of one", tweet(id=["string"], text=["string"]), [{}]),
    ("union of text or number", tweet(text=["string", "int", "bytes", "null"]), [{}, {"text": 7}, {"text": b"abc"}, {"text": None}]),
    ("union of times", tweet(timestamp=["int", MILLIS, "double", "string"]), [{"timestamp": 5}, {}, {"timestamp": 1.5}, {"timestamp": "now"}]),
    ("nullable times", tweet(timestamp=["null", "long"]), [{}, {"timestamp": None}]),
    ("more symbols", tweet(sentiment=enum("positive", "negative", "neutral", "mixed")), [{}, {"sentiment": "mixed"}, {"sentiment": "neutral"}]),
    ("symbols before", tweet(sentiment=enum("unknown", "positive", "negative", "neutral", default="unknown")),
     [{"sentiment": "positive"}, {"sentiment": "unknown"}]),
    ("fewer symbols", tweet(sentiment=enum("neutral", "negative")), [{}, {"sentiment": "neutral"}]),
    ("symbols in another case", tweet(sentiment=enum("Positive", "Negative", "negative")), [{}, {"sentiment": "Positive"}]),
    ("no symbol of ours", tweet(sentiment=enum("good", "bad")), [{"sentiment": "good"}]),
    ("nullable enum with more", tweet(sentiment=["null", enum("mixed", "negative")]), [{}, {"sentiment": "mixed"}, {"sentiment": None}]),
    ("sentiment as text", tweet(sentiment="string"), [{}]),
    ("sentiment as a number", tweet(sentiment="int"), [{"sentiment": 1}]),
    ("micros", tweet(timestamp=logical("long", "timestamp-micros")), [{"timestamp": TIME * 1000 + 999}, {"timestamp": -1}]),
    ("nanos", tweet(timestamp=logical("long", "timestamp-nanos")), [{"timestamp": TIME * 1_000_000 + 1}]),
    ("local millis", tweet(timestamp=logical("long", "local-timestamp-millis")), [{}]),
    ("local micros", tweet(timestamp=logical("long", "local-timestamp-micros")), [{"timestamp": TIME * 1000 + 7}]),
    ("nullable micros", tweet(timestamp=["null", logical("long", "timestamp-micros")]), [{"timestamp": TIME * 1000}, {"timestamp": None}]),
    ("unknown logical type", tweet(timestamp=logical("long", "timestamp-fortnights")), [{}]),
    ("date", tweet(timestamp=logical("int", "date")), [{"timestamp": 20454}]),
    ("time of day", tweet(timestamp=logical("int", "time-millis")), [{"timestamp": 1000}]),
    ("time of day in micros", tweet(timestamp=logical("long", "time-micros")), [{"timestamp": 1000}]),
    ("double timestamp", tweet(timestamp="double"), [{"timestamp": 1.0}]),
    ("text timestamp", tweet(timestamp="string"), [{"timestamp": "2026"}]),
    ("fixed id", tweet(id={"type": "fixed", "name": "F", "size": 3}), [{"id": b"abc"}]),
    ("array for text", tweet(text={"type": "array", "items": "string"}), [{"text": ["a"]}]),
    ("no text", tweet(text=None), [{}]),
    ("no timestamp", tweet(timestamp=None), [{}]),
    ("another namespace", tweet(namespace="org.acme"), [{}]),
    ("no namespace", {k: v for k, v in tweet().items() if k != "namespace"}, [{}]),
    ("another name", tweet(name="Post"), [{}]),
    ("an enum with another name", tweet(sentiment={**SENTIMENT, "name": "Mood"}), [{}]),
    ("an enum in another namespace", tweet(sentiment={**SENTIMENT, "namespace": "org.acme"}), [{}]),
    ("field by an alias of the writer's", tweet(id=None, extra=[field("ID", "string", aliases=["id"])]), [{"ID": "x"}]),
    ("union of records", [tweet(), OTHER], [{}, {"-type": "com.brandpulse.Other", "a": "x"}]),
    ("nullable record", ["null", tweet()], [{}, None]),
    ("union with another first", [OTHER, tweet(["timestamp", "id", "text", "brand", "sentiment"])], [{}]),
    ("dropped fields", tweet(extra=[
        field("b", "boolean"), field("i", "int"), field("l", "long"), field("f", "float"), field("d", "double"), field("y", "bytes"), field("s", "string"),
        field("n", "null"), field("x", {"type": "fixed", "name": "F16", "size": 16}), field("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]}),
        field("a", {"type": "array", "items": ["null", "string"]}), field("m", {"type": "map", "values": {"type": "array", "items": "long"}}),
        field("r", NODE), field("u", ["null", "com.brandpulse.Sentiment", "com.brandpulse.Node"]),
        field("dec", logical("bytes", "decimal", precision=10, scale=2)), field("day", logical("int", "date")),
    ]), [{"b": True, "i": -70000, "l": 1 << 50, "f": 1.5, "d": -2.5, "y": b"\xff\x00", "s": "x" * 300, "n": None, "x": b"0123456789abcdef", "e": "B",
          "a": ["p", None, "q"], "m": {"k": [1, 2, 3], "": []}, "r": {"v": 1, "next": {"v": 2, "next": None}}, "u": ("com.brandpulse.Node", {"v": 3, "next": None}),
          "dec": b"\x01", "day": 3}]),
    ("dropped fields between", {"type": "record", "name": "Tweet", "namespace": "com.brandpulse", "fields": [
        field("z", {"type": "array", "items": "null"}), field("id", "string"), field("a", ["int", "string"]), field("text", "string"), field("brand", "string"),
        field("m", {"type": "map", "values": "double"}), field("sentiment", SENTIMENT), field("g", NODE), field("timestamp", MILLIS)]},
     [{"z": [None] * 5, "a": "x", "m": {"k": 1.0}, "g": {"v": 0, "next": None}}]),
    ("nested", tweet(extra=[field("o", {"type": "record", "name": "Outer", "namespace": "org.deep", "fields": [
        field("in", {"type": "record", "name": "Inner", "fields": [field("id", "string"), field("timestamp", "long")]}), field("again", ["null", "Inner", "org.deep.Outer"])]})]),
     [{"o": {"in": {"id": "not this", "timestamp": 5}, "again": None}}]),
    ("the type of the sentiment again", tweet(extra=[field("other", "Sentiment"), field("third", "com.brandpulse.Sentiment")]), [{"other": "neutral", "third": "positive"}]),
    ("a tweet in a tweet", tweet(extra=[field("reply", ["null", "Tweet"])]), [{"reply": {**VALUE, "reply": None}}, {"reply": None}]),
]

# Bytes that no writer makes by itself: name, schema, hex.
OWN = "0269" + "0274" + "0242" + "00" + "02"
BYTES = [
    ("an array in blocks with sizes", tweet(["id", "text", "brand", "sentiment", "timestamp"], extra=[field("a", {"type": "array", "items": "int"})]),
     OWN + "03" + "04" + "0202" + "01" + "02" + "04" + "00"),
    ("a symbol beyond the enum", tweet(extra=[field("x", "null")]), "0269" + "0274" + "0242" + "06" + "02"),
    ("a branch beyond the union", tweet(text=["null", "string"]), "0269" + "04" + "0274" + "0242" + "00" + "02"),
    ("a negative branch", tweet(text=["null", "string"]), "0269" + "01" + "0274" + "0242" + "00" + "02"),
    ("cut off", tweet(extra=[field("x", "string")]), OWN + "0861"),
    ("bytes behind", tweet(extra=[field("x", "null")]), OWN + "00"),
    ("text that is not UTF-8", tweet(extra=[field("x", "null")]), "0269" + "02ff" + "0242" + "00" + "02"),
    ("bytes that are not UTF-8", tweet(text="bytes"), "0269" + "02ff" + "0242" + "00" + "02"),
    ("an over-long number", tweet(extra=[field("x", "null")]), "0269" + "0274" + "0242" + "00" + "8200"),
    ("an int beyond 32 bits", tweet(timestamp="int"), "0269" + "0274" + "0242" + "00" + "808080808002"),
    ("an empty id", tweet(extra=[field("x", "null")]), "00" + "0274" + "0242" + "00" + "02"),
    ("an empty brand", tweet(extra=[field("x", "null")]), "0269" + "0274" + "00" + "00" + "02"),
    ("a time beyond 2262", tweet(extra=[field("x", "null")]), "0269" + "0274" + "0242" + "00" + "feffffffffffffffff01"),
]


def number(v):
    if isinstance(v, datetime.datetime):
        if v.tzinfo is None:
            v = v.replace(tzinfo=datetime.timezone.utc)
        return (v - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)
    if not isinstance(v, int):
        raise TypeError("no point in time")
    return v


def by_fastavro(writer, references, datum):
    try:
        named = {}
        for r in references:
            parse_schema(json.loads(r), named)
        schema = parse_schema(json.loads(writer), named)
        f = io.BytesIO(datum)
        r = fastavro.schemaless_reader(f, schema, parse_schema(copy.deepcopy(READER)))
        if f.read(1):
            raise ValueError("bytes are left")
        text = lambda v: v.decode() if isinstance(v, bytes) else str(v)
        return {"id": text(r["id"]), "text": text(r["text"]), "brand": text(r["brand"]), "sentiment": r["sentiment"], "timestamp": number(r["timestamp"])}
    except Exception as e:
        return {"error": type(e).__name__}


def raw(schema):
    """The schema without logical types, so that a value is written as it is."""
    if isinstance(schema, dict):
        return {k: raw(v) for k, v in schema.items() if k != "logicalType"}
    return [raw(v) for v in schema] if isinstance(schema, list) else schema


def main(lib):
    pairs = []

    def add(name, schema, datum, references=()):
        pairs.append({"name": name, "writer": json.dumps(schema), "references": list(references), "datum": datum.hex()})

    for name, schema, values in TABLE:
        for i, change in enumerate(values):
            value = None if change is None else {**VALUE, **change}
            f = io.BytesIO()
            fastavro.schemaless_writer(f, parse_schema(raw(copy.deepcopy(schema))), value)
            add(f"{name} {i}", schema, f.getvalue())
    for name, schema, datum in BYTES:
        add(name, schema, bytes.fromhex(datum))
    datum = io.BytesIO()
    fastavro.schemaless_writer(datum, parse_schema(tweet(sentiment={**json.loads(REFERRED)})), VALUE)
    add("a reference", tweet(sentiment="com.acme.Sentiment"), datum.getvalue(), [REFERRED])

    for p in pairs:
        p["fastavro"] = by_fastavro(p["writer"], p["references"], bytes.fromhex(p["datum"]))
    path = os.path.join(HERE, "pairs.json")
    dump(path, pairs)
    found = subprocess.run(["java", "-cp", lib + "/*", os.path.join(HERE, "Pairs.java"), TWEET, path], check=True, stdout=subprocess.PIPE).stdout
    for p, java in zip(pairs, json.loads(found), strict=True):
        p["java"] = java
    dump(path, pairs)


def dump(path, pairs):
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(p, ensure_ascii=False) for p in pairs) + "\n]\n")


main(sys.argv[1])
