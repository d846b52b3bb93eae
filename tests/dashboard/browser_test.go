// Package dashboard_test looks at the dashboard in a real Chromium: at numbers
// that come from real InfluxDBs, and at what the page does when one is not there.
package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	endChromium()
	os.Exit(code)
}

// chromium is one for all tests: a tab with a profile of its own costs much less
// than a browser.
var chromium struct {
	once sync.Once
	ctx  context.Context
	err  error
	end  []context.CancelFunc
}

// startChromium does it on a thread that stays until the end: chromedp has the
// kernel kill the browser when the thread ends that started it, as we do with the
// programs under test, and those threads end.
func startChromium() {
	started := make(chan struct{})
	go func() {
		goruntime.LockOSThread()
		launchChromium()
		close(started)
		select {}
	}()
	<-started
}

func launchChromium() {
	path, err := process.Look("chromium", "looking at the dashboard", "Debian's package chromium")
	if err != nil {
		chromium.err = err
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("disable-dev-shm-usage", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	chromium.end = append(chromium.end, cancel)
	chromium.ctx, cancel = chromedp.NewContext(allocator)
	chromium.end = append(chromium.end, cancel)
	chromium.err = chromedp.Run(chromium.ctx)
}

// newTab opens one with a profile of its own, which needs a window of its own:
// chromedp.WithNewBrowserContext asks for none, and is refused.
func newTab() (tab target.ID, err error) {
	err = chromedp.Run(chromium.ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		profile, err := target.CreateBrowserContext().Do(ctx)
		if err != nil {
			return err
		}
		tab, err = target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
		return err
	}))
	return tab, err
}

func endChromium() {
	for i := len(chromium.end) - 1; i >= 0; i-- {
		chromium.end[i]()
	}
}

// page is a tab of Chromium. Whatever it complains of fails the test, unless the
// test expects it.
type page struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   []string
}

// browse opens a tab with a profile of its own.
func browse(t *testing.T, expected ...string) *page {
	t.Helper()
	chromium.once.Do(startChromium)
	testenv.SkipIfMissing(t, chromium.err)
	if chromium.err != nil {
		t.Fatalf("starting Chromium: %v", chromium.err)
	}
	tab, err := newTab()
	if err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	ctx, cancel := chromedp.NewContext(chromium.ctx, chromedp.WithTargetID(tab))
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx, expected: expected}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			p.complain(e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			p.complain(fmt.Sprintf("console.%s", e.Type))
		case *cdplog.EventEntryAdded:
			p.complain(e.Entry.Text + " " + e.Entry.URL)
		}
	})
	p.run(cdplog.Enable())
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, complaint := range p.complaints {
			t.Errorf("the browser complains: %s", complaint)
		}
	})
	return p
}

func (p *page) complain(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, expected := range p.expected {
		if strings.Contains(text, expected) {
			return
		}
	}
	p.complaints = append(p.complaints, text)
}

// run does what it is told within a minute.
func (p *page) run(actions ...chromedp.Action) {
	p.t.Helper()
	// The first run opens the tab, which a context that ends would close.
	if err := chromedp.Run(p.ctx, within(time.Minute, actions...)); err != nil {
		p.t.Fatal(err)
	}
}

func within(limit time.Duration, actions ...chromedp.Action) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return chromedp.Tasks(actions).Do(ctx)
	})
}

// open goes to an address. Where only what is behind its # differs, the page
// stays and follows.
func (p *page) open(url string) {
	p.t.Helper()
	p.run(chromedp.Navigate(url))
}

// eval gives the value of an expression of JavaScript.
func eval[T any](p *page, expression string) (value T) {
	p.t.Helper()
	var raw []byte
	p.run(chromedp.Evaluate("JSON.stringify("+expression+")", &raw))
	var text string
	if err := errors.Join(json.Unmarshal(raw, &text), json.Unmarshal([]byte(text), &value)); err != nil {
		p.t.Fatalf("reading %s of %s: %v", raw, expression, err)
	}
	return value
}

// click presses a button. It does not go by where the button is: a page that
// moves under a pointer would make the test fail now and then.
func (p *page) click(selector string) {
	p.t.Helper()
	p.run(chromedp.Evaluate(fmt.Sprintf("document.querySelector(%q).click()", selector), nil))
}

// text is what a person reads of an element.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%q)?.innerText ?? 'missing: '+%q", selector, selector))
}

// await waits until an expression is true.
func (p *page) await(what, expression string) {
	p.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for !eval[bool](p, "!!("+expression+")") {
		if time.Now().After(deadline) {
			p.shoot("failed-" + strings.NewReplacer("/", "_", " ", "_").Replace(p.t.Name()))
			p.t.Fatalf("%s: not after 40 s; the page says:\n%s", what, p.text("body"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// shots is where pictures are kept, if anybody wants them.
var shots = os.Getenv("BRANDPULSE_TEST_SHOTS")

func (p *page) shoot(name string) {
	p.t.Helper()
	if shots == "" {
		return
	}
	var png []byte
	p.run(chromedp.FullScreenshot(&png, 100)) // as PNG
	keep(p.t, name, png)
}

func keep(t *testing.T, name string, png []byte) {
	t.Helper()
	if shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
