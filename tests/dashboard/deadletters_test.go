package dashboard_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func deadLetter(topic, reason, value string) *kgo.Record {
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	return &kgo.Record{Topic: topic, Value: []byte(value), Headers: []kgo.RecordHeader{
		header("dead_reason", reason), header("dead_error", "an error of "+reason), header("dead_topic", "tweets"),
		header("dead_partition", "3"), header("dead_offset", "1234567"), header("authorization", "Bearer hidden"),
	}}
}

// download returns the file that an action makes the page save.
func (p *page) download(action func()) (name string, data []byte) {
	p.t.Helper()
	dir := p.t.TempDir()
	p.run(chromedp.ActionFunc(func(ctx context.Context) error {
		tab, err := target.GetTargetInfo().Do(ctx)
		if err != nil {
			return err
		}
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir).WithBrowserContextID(tab.BrowserContextID).Do(ctx)
	}))
	action()
	testenv.Eventually(p.t, 20*time.Second, "the file is saved", func() error {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return err
		}
		if len(files) != 1 || strings.HasSuffix(files[0], ".crdownload") {
			return fmt.Errorf("the folder has %v", files)
		}
		name = filepath.Base(files[0])
		data, err = os.ReadFile(files[0])
		return err
	})
	return name, data
}

// What would break: nobody sees what a dead letter is, one runs in the page of who
// looks at it, or a Kafka that is down looks like one without dead letters.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`
	kafka := testenv.FakeKafka(t)
	topic := kafka.Topic(t, 1)
	client := kafka.Client(t)
	produce := func(records ...*kgo.Record) {
		t.Helper()
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	b := serve(t, testenv.Influx(t, testenv.InfluxV1), "--kafka", kafka.Brokers[0], "--dead-letters", topic)
	p := browse(t)
	p.open(b.url + "#/dead")
	p.await("there are none", `document.querySelector("#letters-sum").innerText.includes("is empty")`)

	binary := deadLetter(topic, "undecodable", "\x00\x02binary")
	binary.Headers[4] = kgo.RecordHeader{Key: "dead_after_offset", Value: []byte("41")} // in place of dead_offset
	produce(binary, deadLetter(topic, hostile, hostile), deadLetter(topic, "undecodable", `=HYPERLINK("http://evil")`))
	p.await("they are shown", `document.querySelectorAll("#letters > li").length === 3`)
	if got := p.text("#letters > li:nth-child(2)"); !strings.Contains(got, "From tweets, partition 3, offset 1234567") || strings.Count(got, hostile) != 3 || strings.Contains(got, "hidden") {
		t.Errorf("a dead letter is shown as %s", got)
	}
	if got := p.text("#letters > li:nth-child(3)"); !strings.Contains(got, "From tweets, partition 3, after offset 41") {
		t.Errorf("a dead letter whose own offset is not known is shown as %s", got)
	}
	if got := p.text("#letters > li:nth-child(3) pre"); !strings.HasPrefix(got, "00000000  00 02 62 69") {
		t.Errorf("a binary value is shown as %s", got)
	}
	if eval[bool](p, `"hacked" in window || document.querySelector("main img, main script") !== null`) {
		t.Error("a dead letter has become a part of the page")
	}
	p.sizes("dead", "#/dead", `document.querySelectorAll("#letters > li").length === 3`, b)

	// By keyboard: one reason, and then all again.
	p.run(chromedp.Focus("#letter-reasons button"), chromedp.KeyEvent(kb.Enter))
	p.await("one reason", `location.hash.includes("reason=undecodable") && document.querySelectorAll("#letters > li").length === 2 && document.activeElement.getAttribute("aria-pressed") === "true"`)
	name, data := p.download(func() { p.click("#letters-csv") })
	if lines := strings.Split(string(data), "\r\n"); name != topic+".csv" || len(lines) != 4 || !strings.HasSuffix(lines[1], `,25,"'=HYPERLINK(""http://evil"")"`) {
		t.Errorf("the file %s has %q", name, data)
	}
	p.run(chromedp.KeyEvent(kb.Enter))
	p.await("all again", `document.querySelectorAll("#letters > li").length === 3`)

	// What is open stays open when new ones come.
	p.run(chromedp.Evaluate(`document.querySelector("#letters > li details").open = false`, nil))
	produce(deadLetter(topic, "rejected", "new"))
	p.await("the new one is first", `document.querySelector("#letters > li pre").textContent === "new" && !document.querySelectorAll("#letters details")[1].open`)
	if diff := cmp.Diff("undecodable 2", strings.ReplaceAll(p.text("#letter-reasons button"), "\n", " ")); diff != "" {
		t.Error(diff)
	}

	kafka.Fake.Close()
	p.await("it says that Kafka is down, and since when", `/Kafka has not answered since \d\d:\d\d:\d\d/.test(document.querySelector("#notice").innerText) && document.querySelector("#live-text").innerText === "No Kafka" && document.querySelectorAll("#letters > li").length === 4`)
}

// What would break: a person who has not named Kafka, or the topic, sees an empty page.
func TestWhatDeadLettersNeedIsSaid(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	// Both end after the page does, which would complain.
	without := serve(t, db)
	with := serve(t, db, "--kafka", testenv.FakeKafka(t).Brokers[0], "--dead-letters", "no_such_topic")
	p := browse(t)
	p.open(without.url + "#/dead")
	p.await("the option", `document.querySelector("#notice").innerText.includes("--kafka HOST:9092 --dead-letters")`)
	p.open(with.url + "#/dead")
	p.await("the topic", `document.querySelector("#notice").innerText.includes("Kafka has no topic no_such_topic") && document.querySelector("#letters-sum").innerText === ""`)
}
