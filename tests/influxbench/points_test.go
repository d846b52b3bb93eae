package influxbench

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/write"
	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// points are n points of one kind, point i a pure function of i, in each form
// that a writer takes. No two have the same series and time.
type points struct {
	kind string
	n    int
	// text of a point's field `text`; nil: the points have none. It gives the
	// same texts in the same order each time that it is called.
	texts func() func() string
}

// Points of sentiment_window: counts of windows, as
//
//	tweets,brand=SuperCoffee,sentiment=positive count=4000i 1700000000000000199
//
// and tweets, as
//
//	tweets,brand=SuperCoffee,sentiment=positive count=1i,text="Love it" 1700000000000000199
var (
	windowPoints = points{kind: "window", n: 400_000}
	tweetPoints  = points{kind: "tweet", n: 200_000, texts: tweetTexts}
)

// A fold has the points of ten brands and three sentiments for each of its
// seconds.
var (
	brands = []string{
		"SuperCoffee", "TeaTime", "MegaMilk", "Fizz & Co", "BerryBlast",
		"NordicWater", "Grind", "Cup of Joe", "Matcha-Ya", "OatHouse",
	}
	sentiments = []string{"positive", "negative", "neutral"}
)

const (
	series      = 30 // brands × sentiments
	firstSecond = 1_700_000_000
	slot        = 199 // ns: what the stamp law adds for offset 3 of partition 7
)

type point struct {
	brand, sentiment string
	count            int64
	text             string // none if empty
	ns               int64
}

// each calls f with every point.
func (p points) each(f func(i int, p point)) {
	text := func() string { return "" }
	if p.texts != nil {
		text = p.texts()
	}
	for i := range p.n {
		pt := point{brand: brands[i%series/3], sentiment: sentiments[i%3], text: text()}
		if p.texts == nil {
			pt.count = int64(1 + i*37%9000)
			pt.ns = int64(firstSecond+i/series)*1e9 + slot
		} else { // 1,000 a second, each with the slot of its offset
			pt.count = 1
			pt.ns = int64(firstSecond+i/1000)*1e9 + int64(i)*64 + 7
		}
		f(i, pt)
	}
}

// span is a time before the first point and one behind the last.
func (p points) span() (from, to time.Time) {
	return time.Unix(firstSecond, 0), time.Unix(firstSecond+int64(p.n), 0)
}

func (p point) append(b []byte) []byte {
	b = lineproto.AppendMeasurement(b, "tweets")
	b = lineproto.AppendTag(b, "brand", p.brand)
	b = lineproto.AppendTag(b, "sentiment", p.sentiment)
	b = append(b, ' ')
	b = lineproto.AppendFieldKey(b, "count")
	b = lineproto.AppendInt(b, p.count)
	if p.text != "" {
		b = append(b, ',')
		b = lineproto.AppendFieldKey(b, "text")
		b = lineproto.AppendString(b, p.text)
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, p.ns, 10)
	return append(b, '\n')
}

// lines are the points as line protocol, size of them in each text.
func (p points) lines(size int) [][]byte {
	var (
		texts [][]byte
		buf   []byte
	)
	p.each(func(i int, pt point) {
		buf = pt.append(buf)
		if (i+1)%size == 0 || i+1 == p.n {
			texts = append(texts, append([]byte(nil), buf...))
			buf = buf[:0]
		}
	})
	return texts
}

// lineMessages are batches of one message with size lines, as sentiment_window
// makes them by default.
func (p points) lineMessages(size int) []service.MessageBatch {
	var batches []service.MessageBatch
	for i, text := range p.lines(size) {
		m := service.NewMessage(text)
		describe(m, i*size, size)
		batches = append(batches, service.MessageBatch{m})
	}
	return batches
}

// pointMessages are batches of size messages with a point each, as
// sentiment_window makes them with `output: points`.
func (p points) pointMessages(size int) []service.MessageBatch {
	var (
		batches []service.MessageBatch
		batch   = make(service.MessageBatch, 0, size)
	)
	p.each(func(i int, pt point) {
		m := service.NewMessage(nil)
		m.SetStructuredMut(map[string]any{
			"measurement": "tweets",
			"tags":        map[string]any{"brand": pt.brand, "sentiment": pt.sentiment},
			"fields":      pt.fields(),
			"timestamp":   pt.ns,
		})
		describe(m, i, 1)
		if batch = append(batch, m); len(batch) == size || i+1 == p.n {
			batches = append(batches, batch)
			batch = make(service.MessageBatch, 0, size)
		}
	})
	return batches
}

// describe sets the metadata that sentiment_window sets.
func describe(m *service.Message, offset, points int) {
	m.MetaSetMut("tweets", points)
	m.MetaSetMut("points", points)
	m.MetaSetMut("kafka_topic", "tweets")
	m.MetaSetMut("kafka_partition", 7)
	m.MetaSetMut("kafka_offset", offset)
	m.MetaSetMut("kafka_last_offset", offset+points-1)
}

func (p point) fields() map[string]any {
	fields := map[string]any{"count": p.count}
	if p.text != "" {
		fields["text"] = p.text
	}
	return fields
}

func (p point) tags() map[string]string {
	return map[string]string{"brand": p.brand, "sentiment": p.sentiment}
}

// records are the points as lines, one each, for influxdb-client-go.
func (p points) records() []string {
	records := make([]string, 0, p.n)
	var buf []byte
	p.each(func(_ int, pt point) {
		buf = pt.append(buf[:0])
		records = append(records, string(buf))
	})
	return records
}

// clientPoints are the points as influxdb-client-go has them.
func (p points) clientPoints() []*write.Point {
	all := make([]*write.Point, 0, p.n)
	p.each(func(_ int, pt point) {
		all = append(all, write.NewPoint("tweets", pt.tags(), pt.fields(), time.Unix(0, pt.ns)))
	})
	return all
}

// metrics are the points as Telegraf has them.
func (p points) metrics() []telegraf.Metric {
	all := make([]telegraf.Metric, 0, p.n)
	p.each(func(_ int, pt point) {
		m := metric.New("tweets", pt.tags(), map[string]any{"count": pt.count}, time.Unix(0, pt.ns))
		if pt.text != "" {
			m.AddField("text", pt.text) // a map would put the fields in any order
		}
		all = append(all, m)
	})
	return all
}

// tweetTexts gives texts of 60 to 140 bytes. One in some has quotes, which line
// protocol escapes, and one in some is not ASCII.
func tweetTexts() func() string {
	words := strings.Fields(`I you we they this that coffee tea morning afternoon love hate like miss the a
		new old best worst price queue service barista blend roast cup mug taste smell today yesterday always never
		really honestly simply somehow finally again with without before after because although cannot believe how
		good bad average fresh cold hot waiting ordered paid twice refund friendly staff kind rude quick slow great
		"amazing" "okay" #coffee #mondays @friend 😀 café naïve... way to start my day, right? no! yes, thanks: 10/10`)
	random := rand.New(rand.NewPCG(1, 2))
	return func() string {
		length := 60 + random.IntN(66)
		var text strings.Builder
		for text.Len() < length {
			if text.Len() > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(words[random.IntN(len(words))])
		}
		return text.String()
	}
}
