package brandview

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// queryTimeout is how long an answer may take in all.
	queryTimeout = 20 * time.Second
	// chunkRows is how many rows InfluxDB puts into one line of its answer.
	chunkRows = 2000
	// maxLineBytes bounds such a line. Texts are at most 255 characters.
	maxLineBytes = 8 << 20
	// maxRows bounds an answer.
	maxRows = 500_000
)

// Source says where the numbers are.
type Source struct {
	URL         string // http://HOST:PORT, with a path where a proxy wants one
	Token       string // USER:PASSWORD in 1.8; may be empty there
	Org         string // of 2.x
	Bucket      string // in 1.x DATABASE or DATABASE/POLICY
	Measurement string // of the counts
	Texts       string // another measurement of single tweets with their texts; may be empty
}

type client struct {
	source      Source
	endpoint    *url.URL
	measurement string // quoted
	textsFrom   string // quoted: where texts are looked for
	http        *http.Client
}

func newClient(source Source) (*client, error) {
	base, err := url.Parse(source.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("the address of InfluxDB must be like http://127.0.0.1:8086")
	}
	if base.User != nil || base.RawQuery != "" {
		return nil, errors.New("the address of InfluxDB must not hold a user or a query: give USER:PASSWORD as the token")
	}
	measurement, err := identifier(source.Measurement)
	if err != nil {
		return nil, fmt.Errorf("checking the measurement: %w", err)
	}
	texts := measurement
	if source.Texts != "" && source.Texts != source.Measurement {
		also, err := identifier(source.Texts)
		if err != nil {
			return nil, fmt.Errorf("checking the measurement of the texts: %w", err)
		}
		texts += ", " + also
	}
	if err := checkName(source.Bucket); err != nil {
		return nil, fmt.Errorf("checking the bucket: %w", err)
	}
	endpoint := base.JoinPath("query")
	database, policy, named := strings.Cut(source.Bucket, "/")
	values := url.Values{"db": {database}, "epoch": {"ns"}, "chunked": {"true"}, "chunk_size": {strconv.Itoa(chunkRows)}}
	if named {
		values.Set("rp", policy)
	}
	if source.Org != "" {
		values.Set("org", source.Org)
	}
	endpoint.RawQuery = values.Encode()
	return &client{
		source: source, endpoint: endpoint, measurement: measurement, textsFrom: texts,
		http: &http.Client{
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// row is one row of an answer: its tags, and the columns behind the time.
type row struct {
	tags   map[string]string
	nanos  int64
	values []any // json.Number, string, bool or nil
}

// query runs one statement and hands on each row. An answer that ends before
// it is whole is an error.
func (c *client) query(ctx context.Context, statement string, params map[string]any, each func(row) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	bound, err := json.Marshal(params)
	if err != nil {
		return err
	}
	form := url.Values{"q": {statement}, "params": {string(bound)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "brandpulse-connect")
	if c.source.Token != "" {
		request.Header.Set("Authorization", "Token "+c.source.Token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		// The error would hold the address with all that the query says.
		if whole := (*url.Error)(nil); errors.As(err, &whole) {
			err = whole.Err
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answered(response.StatusCode, refusal(response.Body))
	}
	err = readAnswer(response.Body, each)
	if cause := ctx.Err(); err != nil && cause != nil {
		return cause
	}
	return err
}

// refusal is what the body of an answer says that is not a success.
func refusal(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 4<<10))
	var answer struct{ Message, Error string }
	if json.Unmarshal(text, &answer) == nil && answer.Message+answer.Error != "" {
		if answer.Message != "" {
			return answer.Message
		}
		return answer.Error
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(text[:min(len(text), 300)])), "")
}

// chunk is one line of an answer.
type chunk struct {
	Results []struct {
		Series []struct {
			Tags   map[string]string
			Values [][]any
		}
		Partial bool
		Error   string
	}
	Error string
}

func readAnswer(body io.Reader, each func(row) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	rows, ended := 0, false
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var c chunk
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&c); err != nil {
			return &Problem{Kind: Failing, Message: fmt.Sprintf("InfluxDB's response cannot be read: %v", err)}
		}
		if c.Error != "" {
			return said(c.Error)
		}
		for _, result := range c.Results {
			if result.Error != "" {
				return said(result.Error)
			}
			ended = !result.Partial
			for _, series := range result.Series {
				if rows += len(series.Values); rows > maxRows {
					return errTooLarge
				}
				for _, values := range series.Values {
					r, err := rowOf(series.Tags, values)
					if err != nil {
						return err
					}
					if err := each(r); err != nil {
						return err
					}
				}
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return errTooLarge
	case err != nil:
		return err
	case !ended:
		return &Problem{Kind: Failing, Message: "InfluxDB's response ends before the result does"}
	}
	return nil
}

func rowOf(tags map[string]string, values []any) (row, error) {
	if len(values) > 0 {
		if number, ok := values[0].(json.Number); ok {
			if nanos, err := number.Int64(); err == nil {
				return row{tags: tags, nanos: nanos, values: values[1:]}, nil
			}
		}
	}
	return row{}, &Problem{Kind: Failing, Message: "InfluxDB's response has a row without a time"}
}
