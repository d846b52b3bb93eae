package otlptracer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// timeout is OTLP's default for a request.
const timeout = 10 * time.Second

// poster posts spans to a collector, as defined by OTLP/HTTP with protobuf:
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
type poster struct {
	url  string
	http *http.Client
}

func newPoster(to collector) *poster {
	scheme := "http"
	if to.secure {
		scheme = "https"
	}
	return &poster{url: scheme + "://" + to.address + "/v1/traces", http: &http.Client{Timeout: timeout}}
}

// UploadTraces posts spans. On the wire, TracesData equals the request that the
// protocol defines; the type of that request links gRPC.
func (p *poster) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encoding spans: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("posting spans: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := p.http.Do(request)
	if err != nil {
		return fmt.Errorf("posting spans: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1024))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("posting spans to %s: status %d: %s", p.url, response.StatusCode, answer)
	}
	if err != nil {
		return fmt.Errorf("posting spans to %s: %w", p.url, err)
	}
	return nil
}

// Start does nothing: a collector may start after the pipeline.
func (*poster) Start(context.Context) error { return nil }

// Stop closes the connections.
func (p *poster) Stop(context.Context) error {
	p.http.CloseIdleConnections()
	return nil
}

var _ otlptrace.Client = (*poster)(nil)
