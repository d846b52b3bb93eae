// Package valuetype names the types of JSON and Bloblang values in error messages,
// for people who write pipelines and do not know Go.
package valuetype

import (
	"encoding/json"
	"reflect"
	"time"
)

// Of returns the name of a value's type, with its article.
func Of(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case []byte: // what a mapping that assigns a string to root returns
		return "a string"
	case json.Number: // not known to be an integer or a float
		return "a number"
	case time.Time:
		return "a timestamp"
	case error:
		return "an error"
	}
	switch reflect.TypeOf(v).Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a float"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "a value of an unknown type"
}
