package influxdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// reasonOf returns the server's error text in one line, without secrets.
func reasonOf(a answer) string {
	switch {
	case errors.Is(a.err, context.DeadlineExceeded):
		return "no answer in time"
	case a.err != nil:
		return letter.Clean(a.err.Error(), a.hide)
	case a.status/100 == 3 && a.header.Get("Location") != "":
		location := a.header.Get("Location")
		if a.hide != nil {
			location = a.hide(location)
		}
		return "redirected to " + letter.Clean(withoutQuery(location), a.hide)
	}
	var text string
	if isPage(a) {
		text = "a web page, not InfluxDB's answer: " + letter.Clean(pageWords(string(a.body)), a.hide)
	} else {
		text = letter.Clean(textOf(a), a.hide)
	}
	if text == "" {
		text = strings.TrimSpace(fmt.Sprintf("status %d %s", a.status, http.StatusText(a.status)))
	}
	return text
}

// withoutQuery returns an address without parts that may contain secrets.
func withoutQuery(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		location, _, _ = strings.Cut(location, "?")
		return location
	}
	u.RawQuery, u.Fragment, u.ForceQuery = "", "", false
	return u.Redacted()
}

// textOf returns the server's unchanged error text.
func textOf(a answer) string {
	if a.err != nil {
		return ""
	}
	var body struct {
		Message string          `json:"message"` // 2.x
		Error   json.RawMessage `json:"error"`   // 1.8 and 3
	}
	text := ""
	if json.Unmarshal(a.body, &body) == nil {
		text = body.Message
		if text == "" && json.Unmarshal(body.Error, &text) != nil {
			text = string(body.Error)
		}
	}
	if text == "" {
		text = a.header.Get("X-Influxdb-Error")
	}
	if text == "" {
		text = string(a.body)
	}
	return text
}

// fromInfluxDB reports whether an answer has a form that answers of gateways do not have:
// a code beside the message (2.x, 3 and Cloud; with 422 also without), the header of 1.x,
// or the rejected lines (3).
func fromInfluxDB(a answer) bool {
	if a.err != nil {
		return false
	}
	var body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Error   string `json:"error"`
		Data    any    `json:"data"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		return a.header.Get("X-Influxdb-Error") != ""
	}
	return body.Message != "" && (body.Code != "" || a.status == http.StatusUnprocessableEntity) ||
		body.Error != "" && (a.header.Get("X-Influxdb-Version") != "" || a.header.Get("X-Influxdb-Error") != "" || body.Data != nil)
}

// isPage reports whether an answer is a web page.
func isPage(a answer) bool {
	if strings.HasPrefix(strings.ToLower(a.header.Get("Content-Type")), "text/html") {
		return strings.Contains(string(a.body[:min(len(a.body), letter.MaxText)]), "<")
	}
	beginning := strings.ToLower(strings.TrimSpace(string(a.body[:min(len(a.body), 64)])))
	return strings.HasPrefix(beginning, "<!doctype html") || strings.HasPrefix(beginning, "<html")
}

// pageWords returns the text at the beginning of a web page, without tags, scripts
// and styles.
func pageWords(page string) string {
	if len(page) > 32*letter.MaxText {
		page = page[:32*letter.MaxText]
	}
	var b strings.Builder
	for page != "" {
		text, rest, found := strings.Cut(page, "<")
		b.WriteString(text)
		b.WriteByte(' ')
		if !found {
			break
		}
		lower := strings.ToLower(rest[:min(len(rest), 8)])
		end := ">"
		switch {
		case strings.HasPrefix(lower, "script"):
			end = "</script>"
		case strings.HasPrefix(lower, "style"):
			end = "</style>"
		case strings.HasPrefix(lower, "!--"):
			end = "-->"
		}
		_, page, _ = strings.Cut(rest, end)
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}
