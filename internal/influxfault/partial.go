package influxfault

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"
)

// half sends the first half of a response's body, or of its header if it has no body,
// and closes the connection.
func (e *exchange) half(a *answer) {
	wire, head := a.wire()
	if len(wire) == head {
		wire = wire[:head/2]
	} else {
		wire = wire[:head+len(a.body)/2]
	}
	connection := e.take()
	defer connection.Close()
	_, _ = connection.Write(wire) // the client may have disconnected
}

// dribble sends a response in small pieces.
func (e *exchange) dribble(a *answer) {
	const pieces = 10
	wire, _ := a.wire()
	connection := e.take()
	defer connection.Close()
	for i := range pieces {
		e.sleep(e.fault.Time / pieces)
		piece := wire[len(wire)*i/pieces : len(wire)*(i+1)/pieces]
		if _, err := connection.Write(piece); err != nil {
			return // the client has disconnected
		}
	}
}

// wire returns a response as bytes on the wire, and the length of its header. It closes
// the connection.
func (a *answer) wire() (wire []byte, head int) {
	response := *a.Response
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(a.body)), int64(len(a.body))
	response.TransferEncoding, response.Close = nil, true
	var buffer bytes.Buffer
	_ = response.Write(&buffer) // a bytes.Buffer never fails
	return buffer.Bytes(), buffer.Len() - len(a.body)
}

// gatewayError is the response of a gateway whose server has not responded.
func gatewayError() *answer {
	return &answer{
		&http.Response{
			StatusCode: http.StatusBadGateway, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/html"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		},
		[]byte("<html><head><title>502 Bad Gateway</title></head>" + strings.Repeat("<!-- padding -->", 8) + "</html>"),
	}
}
