// Package hotkey finds the keys that have a large share of the records, and decides what
// to do about them. Its memory is bounded however many keys there are. It knows neither
// Benthos nor Kafka, and has no lock and no clock: the caller has both.
//
//   - Sketch counts keys, with a known error.
//   - Watch names those with more than a share of the records, and those that are no
//     longer hot.
//   - Policy decides about the messages of a key.
//   - Labels bounds the labels of metrics that show hot keys. The package hotreport shows
//     them to Benthos.
package hotkey
