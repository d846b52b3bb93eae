package influxfault

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"
)

// half sends the first half of an answer's body, or of its header if it has
// none, and ends the connection.
func (e *exchange) half(a *answer) {
	wire, head := a.wire()
	if len(wire) == head {
		wire = wire[:head/2]
	} else {
		wire = wire[:head+len(a.body)/2]
	}
	connection := e.take()
	defer connection.Close()
	_, _ = connection.Write(wire) // the client may have gone
}

// dribble sends an answer in small pieces.
func (e *exchange) dribble(a *answer) {
	const pieces = 10
	wire, _ := a.wire()
	connection := e.take()
	defer connection.Close()
	for i := range pieces {
		e.sleep(e.fault.Time / pieces)
		piece := wire[len(wire)*i/pieces : len(wire)*(i+1)/pieces]
		if _, err := connection.Write(piece); err != nil {
			return // the client has gone
		}
	}
}

// wire is an answer as it goes over the network, and the length of its header.
// The connection ends with it.
func (a *answer) wire() (wire []byte, head int) {
	response := *a.Response
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(a.body)), int64(len(a.body))
	response.TransferEncoding, response.Close = nil, true
	var buffer bytes.Buffer
	_ = response.Write(&buffer) // a bytes.Buffer takes all
	return buffer.Bytes(), buffer.Len() - len(a.body)
}

// gatewayError is what a gateway says whose server has not answered it.
func gatewayError() *answer {
	return &answer{
		&http.Response{
			StatusCode: http.StatusBadGateway, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/html"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		},
		[]byte("<html><head><title>502 Bad Gateway</title></head>" + strings.Repeat("<!-- padding -->", 8) + "</html>"),
	}
}
