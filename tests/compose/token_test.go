package compose

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// influx stands in for InfluxDB's own program: it writes down what it is asked, and
// knows one bucket, the token "all" that may do anything, and those that it has made.
const influx = `#!/bin/sh
echo "$*" >>"$ASKED"
case "$INFLUX_TOKEN" in all|made-*) ;; *) echo "Error: 401 Unauthorized" >&2; exit 1;; esac
case "$*" in
"bucket list --name brandpulse"*) printf '0123456789abcdef\tbrandpulse\t168h0m0s\n' ;;
"bucket list"*) echo "Error: 404 Not Found" >&2; exit 1 ;;
"auth create "*"--read-bucket 0123456789abcdef --json") printf '{\n\t"id": "1",\n\t"token": "%s",\n\t"status": "active"\n}\n' "$MAKES" ;;
*) exit 2 ;;
esac
`

// What would break: Grafana has no token, half of one, one that it cannot read, or
// another one at each start.
func TestReadToken(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(root, "observability", "influxdb", "read-token.sh"))
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "influx"), []byte(influx), 0o700); err != nil {
		t.Fatal(err)
	}
	file, asked := filepath.Join(dir, "token"), filepath.Join(dir, "asked")
	run := func(env ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "sh", script)
		command.Env = append([]string{
			"PATH=" + bin + ":" + os.Getenv("PATH"), "ASKED=" + asked, "TOKEN_FILE=" + file, "MAKES=made-1==",
			"INFLUX_HOST=http://influxdb:8086", "INFLUX_TOKEN=all", "INFLUX_ORG=brandpulse", "BUCKET=brandpulse",
		}, env...)
		out, err := command.CombinedOutput()
		if strings.Contains(string(out), "made-") {
			t.Errorf("the token is printed: %s", out)
		}
		return string(out), err
	}
	for _, c := range []struct {
		env  []string
		want string // token, or the error
		ok   bool
	}{
		{[]string{"INFLUX_TOKEN=none"}, "was not found", false},
		{[]string{"BUCKET=other"}, "was not found", false},
		{[]string{"MAKES="}, "has created no token", false},
		{nil, "made-1==", true},
		{[]string{"MAKES=made-2"}, "made-1==", true}, // it works still
	} {
		out, err := run(c.env...)
		if !c.ok {
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%q: %v, %s", c.env, err, out)
			}
			if _, err := os.Stat(file); err == nil {
				t.Errorf("%q: there is a token", c.env)
			}
			continue
		}
		info, statErr := os.Stat(file)
		token, readErr := os.ReadFile(file)
		if err != nil || statErr != nil || readErr != nil || string(token) != c.want || info.Mode().Perm() != 0o444 {
			t.Errorf("%q: %v, %s; the file is %q, %v", c.env, err, out, token, info)
		}
	}
	// InfluxDB was set up anew, and does not know it any more.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("of yesterday"), 0o444); err != nil {
		t.Fatal(err)
	}
	if out, err := run("MAKES=made-3"); err != nil {
		t.Fatal(err, out)
	}
	if token, err := os.ReadFile(file); err != nil || string(token) != "made-3" {
		t.Errorf("the token is %q, %v", token, err)
	}
	requests, err := os.ReadFile(asked)
	if err != nil || strings.Contains(string(requests), "write") || strings.Count(string(requests), "auth create") != 3 {
		t.Errorf("it has asked %s, %v", requests, err)
	}
}
