// Package hotreport shows hot keys as metrics and log lines of Benthos.
package hotreport

import (
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// Metrics are the declared metrics of a component that has hot keys.
type Metrics struct{ hot, share, held metric.Gauge }

// Declare declares them with the name of the component as their prefix.
func Declare(set *metric.Set, component string) Metrics {
	key := metric.Of("key", fmt.Sprintf("the beginning of a hot key; `%s` beyond %d of them", hotkey.OtherLabel, hotkey.MaxLabels))
	return Metrics{
		hot:   set.Gauge(component+"_hot_keys", "keys", "keys that are hot now"),
		share: set.Gauge(component+"_hot_key_share_ratio", "", fmt.Sprintf("share of a hot key in the messages of the last %s, at most a tenth of `share` too high; 0 once the key is no longer hot", hotkey.Slice), key),
		held:  set.Gauge(component+"_hot_key_held", "messages", "messages of a hot key that wait; 0 once the key is no longer hot", key),
	}
}

// Report shows hot keys. It is not safe for concurrent use.
type Report struct {
	log                     *service.Logger
	action                  hotkey.Action
	hot, share, held        *service.MetricGauge
	shareLabels, heldLabels hotkey.Labels
}

// New returns a Report.
func (m Metrics) New(metrics *service.Metrics, log *service.Logger, action hotkey.Action) *Report {
	return &Report{log: log, action: action, hot: m.hot.New(metrics), share: m.share.New(metrics), held: m.held.New(metrics)}
}

// maxLogged is how many keys a log line names.
const maxLogged = 5

// Turned shows the hot keys after a slice, with a log line if there are news. There is at
// most one line of each kind per slice, however many keys come and go.
func (r *Report) Turned(hot []hotkey.Hot, news hotkey.News, now time.Time) {
	r.hot.Set(int64(len(hot)))
	r.shareLabels.Show(hot, hotkey.Hot.Share, func(label string, v float64) { r.share.SetFloat64(v, label) })
	r.heldLabels.Show(hot, func(h hotkey.Hot) float64 { return float64(h.Held.Count) }, func(label string, v float64) { r.held.SetFloat64(v, label) })
	if len(news.Started) > 0 {
		r.log.Warnf("Hot: %s. Action: %s", listed(news.Started, hotkey.Hot.String), r.action)
	}
	if len(news.Ended) > 0 {
		r.log.Infof("No longer hot: %s", listed(news.Ended, func(h hotkey.Hot) string {
			return fmt.Sprintf("key %q after %s", h.Name(), now.Sub(h.Since).Round(time.Second))
		}))
	}
}

func listed(keys []hotkey.Hot, text func(hotkey.Hot) string) string {
	var parts []string
	for i, h := range keys {
		if i == maxLogged {
			parts = append(parts, fmt.Sprintf("%d more", len(keys)-i))
			break
		}
		parts = append(parts, text(h))
	}
	return strings.Join(parts, "; ")
}
