//go:build unix

package commands

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browserTab is a page in a Chromium that has no network and no window. It is told what to do in
// the Chrome DevTools Protocol (chromedevtools.github.io), through pipes.
type browserTab struct {
	t       *testing.T
	send    *os.File
	session string

	mu      sync.Mutex
	last    int
	answers map[int]chan browserMessage
	seen    []browserMessage // events
	arrived chan struct{}    // has an element when an event has come
}

type browserMessage struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

// browserWait is how long an answer may take on a busy machine.
const browserWait = time.Minute

// newBrowserTab starts Chromium, which many have for other things: only where it is asked for.
func newBrowserTab(t *testing.T) *browserTab {
	t.Helper()
	if !slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "chromium") {
		t.Skip("runs with OCTO_TENTACLE_REQUIRE=chromium")
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	chromium := exec.Command("chromium", "--headless", "--remote-debugging-pipe", "--user-data-dir="+profile,
		"--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--log-level=3",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync",
		"--proxy-server=127.0.0.1:1", "--host-resolver-rules=MAP * ~NOTFOUND")
	if os.Geteuid() == 0 {
		chromium.Args = append(chromium.Args, "--no-sandbox") // which root cannot have
	}
	chromium.Env = append(os.Environ(), "HOME="+profile)
	chromium.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	chromium.Stderr = &said
	chromium.WaitDelay = time.Second // other processes of it hold the pipe
	forChromium, send, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	receive, fromChromium, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	chromium.ExtraFiles = []*os.File{forChromium, fromChromium} // 3 and 4
	if err := chromium.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = forChromium.Close(), fromChromium.Close()
	b := &browserTab{t: t, send: send, answers: map[int]chan browserMessage{}, arrived: make(chan struct{}, 1)}
	go b.read(receive)
	t.Cleanup(func() {
		_ = syscall.Kill(-chromium.Process.Pid, syscall.SIGKILL)
		_ = chromium.Wait()
		_, _ = send.Close(), receive.Close()
		_ = os.RemoveAll(profile)
		if t.Failed() {
			t.Logf("Chromium said:\n%s", said.String())
		}
	})

	var target struct {
		ID string `json:"targetId"`
	}
	b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.do("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	b.session = attached.Session
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.do(domain+".enable", nil, nil)
	}
	return b
}

// read takes messages, each of which ends with a zero byte.
func (b *browserTab) read(from *os.File) {
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var message browserMessage
		if err := json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &message); err != nil {
			continue // then an answer is missed
		}
		b.mu.Lock()
		if message.ID != 0 {
			b.answers[message.ID] <- message
			delete(b.answers, message.ID)
		} else {
			b.seen = append(b.seen, message)
			select {
			case b.arrived <- struct{}{}:
			default:
			}
		}
		b.mu.Unlock()
	}
}

// do calls a method, and takes its result.
func (b *browserTab) do(method string, parameters, result any) {
	b.t.Helper()
	if parameters == nil {
		parameters = map[string]any{}
	}
	encoded, err := json.Marshal(parameters)
	if err != nil {
		b.t.Fatal(err)
	}
	answer := make(chan browserMessage, 1)
	b.mu.Lock()
	b.last++
	message := browserMessage{ID: b.last, Method: method, Params: encoded, Session: b.session}
	b.answers[b.last] = answer
	b.mu.Unlock()
	whole, err := json.Marshal(message)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.send.Write(append(whole, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case got := <-answer:
		if got.Error != nil {
			b.t.Fatalf("%s: %s", method, got.Error.Message)
		}
		if result == nil {
			return
		}
		if err := json.Unmarshal(got.Result, result); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
	case <-time.After(browserWait):
		b.t.Fatalf("%s: no answer", method)
	}
}

// eval has JavaScript calculated in the page.
func (b *browserTab) eval(expression string, result any) {
	b.t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string          `json:"text"`
			Exception json.RawMessage `json:"exception"`
		} `json:"exceptionDetails"`
	}
	b.do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &got)
	if got.Exception != nil {
		b.t.Fatalf("%s: %s %s", expression, got.Exception.Text, got.Exception.Exception)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(got.Result.Value, result); err != nil {
		b.t.Fatalf("%s is %s: %v", expression, got.Result.Value, err)
	}
}

// open loads a page from a file.
func (b *browserTab) open(html string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "fleet.html")
	if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.seen = nil
	b.mu.Unlock()
	b.do("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	deadline := time.After(browserWait)
	for len(b.events("Page.loadEventFired")) == 0 {
		select {
		case <-b.arrived:
		case <-deadline:
			b.t.Fatal("the page was not loaded")
		}
	}
}

// events are those of some kinds since the page was opened.
func (b *browserTab) events(methods ...string) (some []browserMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, event := range b.seen {
		if slices.Contains(methods, event.Method) {
			some = append(some, event)
		}
	}
	return some
}

// complaints are what a page must not do: fail, log, ask, or load anything but itself.
func (b *browserTab) complaints() error {
	b.t.Helper()
	b.eval("0", nil) // what was said until now has arrived
	var errs []error
	for _, event := range b.events("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Page.javascriptDialogOpening") {
		errs = append(errs, fmt.Errorf("%s: %s", event.Method, event.Params))
	}
	for _, event := range b.events("Network.requestWillBeSent") {
		var sent struct {
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		err := json.Unmarshal(event.Params, &sent)
		if url := sent.Request.URL; err != nil || !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "file://"+os.TempDir()) {
			errs = append(errs, fmt.Errorf("asks for %s", url))
		}
	}
	return errors.Join(errs...)
}

// size sets the size of the window, in pixels.
func (b *browserTab) size(width, height int) {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// look sets the medium, and light or dark.
func (b *browserTab) look(medium, scheme string) {
	b.t.Helper()
	b.do("Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// click clicks what the expression finds, where a mouse would.
func (b *browserTab) click(element string) {
	b.t.Helper()
	var at struct{ X, Y float64 }
	b.eval(fmt.Sprintf(`(() => { const e = %s; e.scrollIntoView({ block: "center" }); const r = e.getBoundingClientRect();
		return { X: r.x + r.width / 2, Y: r.y + r.height / 2 } })()`, element), &at)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.do("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// press presses a key.
func (b *browserTab) press(key string, code int) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.do("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
	}
}

// picture is a PNG of the whole page, which is kept with go test -artifacts.
func (b *browserTab) picture(name string) []byte {
	b.t.Helper()
	var shot struct {
		Data []byte `json:"data"`
	}
	b.do("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return shot.Data
}
