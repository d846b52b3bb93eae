package doctor_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the doctor does not name what is wrong with a configuration or with this
// machine.
func TestFaultsOfThisMachine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	base := map[string]string{"KAFKA_BROKERS": "127.0.0.1:9", "INFLUXDB_URL": "http://127.0.0.1:9", "HTTP_ADDRESS": "127.0.0.1:0"}
	empty := t.TempDir() + "/empty.yaml"
	writeFile(t, empty, nil)
	bin := testenv.Binary(t)
	runAll(t, map[string]fault{
		"an empty file":                {want: doctor.ConfigRead, says: "is empty", env: base, path: bin, args: []string{"doctor", "--json", empty}},
		"a variable without one":       {want: doctor.ConfigVariables, says: "NOT_SET", env: base, edit: replaced("${TOPIC:tweets}", "${NOT_SET}")},
		"a variable that YAML changes": {want: doctor.ConfigVariables, says: "TOPIC", env: with(base, "TOPIC", `a", "b`)},
		"invalid YAML":                 {want: doctor.ConfigLint, says: "cannot be read: yaml: line", env: base, edit: replaced("input:\n", "input: [\n")},
		"a misspelt field":             {want: doctor.ConfigLint, says: "Did you mean consumer_group", env: base, edit: replaced("consumer_group:", "consumer_grup:")},
		"no file of a secret":          {want: doctor.ConfigFiles, says: "/nowhere/token: no such file", env: with(base, "INFLUXDB_TOKEN_FILE", "/nowhere/token")},
		"settings that disagree":       {want: doctor.ConfigComponents, says: "a token is one line", env: with(base, "INFLUXDB_TOKEN", "a\nb")},
		"a port that is taken":         {want: doctor.MachinePort, says: "another program listens there", env: with(base, "HTTP_ADDRESS", taken.Addr().String())},
		"too little memory":            {want: doctor.MachineMemory, says: "it would be killed", env: with(base, "MAX_IN_FLIGHT_BYTES", "40TiB")},
		"too few files":                {want: doctor.MachineFiles, says: "60 files", env: base, path: "/bin/sh", args: []string{"-c", "ulimit -n 60; exec " + bin + " doctor --json config/exact.yaml"}},
		"a full disk":                  {want: doctor.MachineDisk, says: "/proc is full", env: with(base, "TMPDIR", "/proc")}, // it has no free space
	})
	t.Run("warnings", func(t *testing.T) {
		file := t.TempDir() + "/pipeline.yaml"
		writeFile(t, file, []byte(replaced("${INFLUXDB_CREATE_BUCKET:false}", "true\n            retention: 1h")(exact(t))))
		r := examined(t, testenv.Command{Env: with(base, "INFLUXDB_URL", "http://0.0.0.0:9", "INFLUXDB_TOKEN", "abc"), Args: []string{"doctor", "--json", file}})
		for id, says := range map[doctor.ID]string{doctor.ConfigRetention: "1h0m0s", doctor.ConfigPlaintext: "http://0.0.0.0:9"} {
			if f := r.of(id); len(f) != 1 || f[0].Status != "warning" || !strings.Contains(f[0].Seen, says) {
				t.Errorf("%+v", f)
			}
		}
	})
	t.Run("unencrypted logins", func(t *testing.T) {
		file := t.TempDir() + "/pipeline.yaml"
		for password, status := range map[string]string{"": "ok", ", username: me, password: mine": "warning"} {
			registry := "        emit: windows\n        schema_registry: { url: 'http://registry.example.com:8081'" + password + " }\n"
			writeFile(t, file, []byte(replaced("        emit: windows\n", registry, "${ENCODING:avro}", "avro_confluent")(exact(t))))
			r := examined(t, testenv.Command{Env: with(base, "INFLUXDB_URL", "http://influx.example.com:8086"), Args: []string{"doctor", "--offline", "--json", file}})
			if f := r.of(doctor.ConfigPlaintext); len(f) != 1 || f[0].Status != status || strings.Contains(f[0].Seen, "token") || status == "warning" && !strings.Contains(f[0].Seen, "registry.example.com") {
				t.Errorf("%q: %+v", password, f)
			}
		}
	})
	t.Run("a pipeline that runs already", func(t *testing.T) {
		p := testenv.Start(t, testenv.Command{Config: "config/exact.yaml"})
		testenv.Eventually(t, 20*time.Second, "it listens", func() error {
			c, err := net.Dial("tcp", p.Address())
			if err == nil {
				c.Close()
			}
			return err
		})
		r := examined(t, testenv.Command{Env: with(base, "HTTP_ADDRESS", p.Address())})
		if f := r.of(doctor.MachinePort); len(f) != 1 || f[0].Status != "ok" {
			t.Errorf("%+v", f)
		}
		if f := r.of(doctor.PipelineBottleneck); len(f) != 1 || f[0].Because != "kafka-reach" {
			t.Errorf("%+v", f)
		}
	})
}

// If this fails, one fault is reported several times.
func TestAFaultIsNotRepeated(t *testing.T) {
	t.Parallel()
	r := examined(t, testenv.Command{Env: map[string]string{"KAFKA_BROKERS": "127.0.0.1:9", "INFLUXDB_URL": "http://127.0.0.1:9", "HTTP_ADDRESS": "127.0.0.1:0"}})
	var failed []string
	for _, one := range r.Checks {
		if one.Status == "failed" || one.Status == "warning" {
			failed = append(failed, one.Check)
		}
	}
	if !slices.Equal(failed, []string{"kafka-reach", "influxdb-reach"}) || r.Cause != "kafka-reach" {
		t.Errorf("%s; cause %s", failed, r.Cause)
	}
}

// If this fails, a component that never returns, or addresses that swallow packets, hold
// the command up.
func TestItEndsWithinTenSeconds(t *testing.T) {
	swallowed := swallowing(t)
	hanging := silent(t)
	for name, env := range map[string]map[string]string{
		"swallowed": {"KAFKA_BROKERS": swallowed, "INFLUXDB_URL": "http://" + swallowed},
		"hanging":   {"KAFKA_BROKERS": hanging, "INFLUXDB_URL": "http://" + hanging},
	} {
		t.Run(name, func(t *testing.T) {
			testenv.Binary(t)
			began := time.Now()
			p := testenv.Start(t, testenv.Command{Args: []string{"doctor", "config/exact.yaml"}, Env: with(env, "HTTP_ADDRESS", "127.0.0.1:0")})
			if code := p.Wait(t, 30*time.Second); code != 1 {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s:\n%s", took, p.Log(t))
			}
			if left := children(t); left != "" {
				t.Errorf("a child is left: %s", left)
			}
		})
	}
}

// children returns the command lines of connection tests of this program that still run.
func children(t *testing.T) (lines string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, _ := os.ReadFile(file) // it may have ended
		if strings.HasPrefix(string(line), testenv.Binary(t)+"\x00doctor-connections") {
			lines += string(line) + "\n"
		}
	}
	return lines
}

// If this fails, a command of the page does not work.
func TestCommandsOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(testenv.Root(t) + "/docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "\n```\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	commands := strings.Split(block, "\n")
	if len(commands) != 4 {
		t.Fatalf("%q", commands)
	}
	for _, command := range commands {
		command, _, _ = strings.Cut(command, " && ")
		args := strings.Fields(strings.NewReplacer("my.yaml", "config/exact.yaml", "60s", "1s").Replace(command))
		p := testenv.Start(t, testenv.Command{Args: args[1:], Env: map[string]string{"KAFKA_BROKERS": "127.0.0.1:9", "INFLUXDB_URL": "http://127.0.0.1:9", "HTTP_ADDRESS": "127.0.0.1:0"}})
		want := 1
		if strings.Contains(command, "--offline") {
			want = 0
		}
		if code := p.Wait(t, 30*time.Second); code != want {
			t.Errorf("%s: exit code %d, want %d:\n%s", command, code, want, p.Log(t))
		}
	}
}

// If this fails, --wait does not wait for a server that starts, or not as long as asked.
func TestWait(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/pipeline.yaml"
	writeFile(t, file, []byte("http: { address: '"+taken.Addr().String()+"' }\ninput: { generate: { mapping: 'root = 1' } }\noutput: { drop: {} }\n"))
	testenv.Binary(t)
	began := time.Now()
	p := testenv.Start(t, testenv.Command{Args: []string{"doctor", "--wait", "15s", file}})
	if code := p.Wait(t, 30*time.Second); code != 1 || time.Since(began) < 10*time.Second || !strings.Contains(p.Log(t), "Waiting for machine-port.") {
		t.Errorf("exit code %d after %s:\n%s", code, time.Since(began), p.Log(t))
	}
	p = testenv.Start(t, testenv.Command{Args: []string{"doctor", "--wait", "60s", file}})
	time.Sleep(2 * time.Second)
	taken.Close()
	if code := p.Wait(t, 30*time.Second); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.Log(t))
	}
}

// If this fails, wrong usage looks like a diagnosis.
func TestNoDiagnosis(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"doctor", "nowhere.yaml"}, {"doctor", "a.yaml", "b.yaml"}, {"doctor", "--nope"}, {"doctor", "--wait", "-1s"}} {
		p := testenv.Start(t, testenv.Command{Args: args})
		if code := p.Wait(t, 30*time.Second); code != 2 {
			t.Errorf("%q: exit code %d:\n%s", args, code, p.Log(t))
		}
	}
}

// If this fails, a stock pipeline cannot be examined.
func TestAnyPipeline(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/pipeline.yaml"
	writeFile(t, file, []byte(`
http: { enabled: false }
input: { generate: { mapping: 'root = 1' } }
output:
  broker:
    outputs:
      - drop: {}
      - kafka_franz: { seed_brokers: [ "127.0.0.1:9" ], topic: a }
      - kafka_franz: { seed_brokers: [ "127.0.0.1:9" ], topic: '${! @topic }' }
`))
	r := examined(t, testenv.Command{Args: []string{"doctor", "--json", file}})
	if r.Cause != string(doctor.KafkaReach) {
		t.Errorf("%s", r.text())
	}
	if f := r.of(doctor.KafkaTopic); len(f) != 2 || f[1].Status != "skipped" || f[1].Because != "" || !strings.Contains(f[1].Seen, "each message") {
		t.Errorf("%+v", f)
	}
}

// If this fails, a stock component that never returns is taken for one that works, or
// holds the command up.
func TestAStockComponentThatHangs(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/pipeline.yaml"
	writeFile(t, file, []byte("http: { enabled: false }\ninput: { generate: { mapping: 'root = 1' } }\noutput: { websocket: { url: 'ws://"+silent(t)+"' } }\n"))
	r := examined(t, testenv.Command{Args: []string{"doctor", "--json", file}})
	if r.Cause != string(doctor.Connection) || r.Seconds > 9 {
		t.Errorf("%.1f s\n%s", r.Seconds, r.text())
	}
	for _, one := range r.of(doctor.Connection) {
		if one.Status == "ok" {
			t.Errorf("%+v", one)
		}
	}
}

// If this fails, the example of the page does not work.
func TestReadableReport(t *testing.T) {
	t.Parallel()
	p := testenv.Start(t, testenv.Command{Args: []string{"doctor", "--offline"}, Env: map[string]string{"INFLUXDB_TOKEN_FILE": os.DevNull}})
	if code := p.Wait(t, 30*time.Second); code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"  failed   config-files ", "no regular file", "not checked with --offline: kafka-names", doctor.Page + "#config-files", "Fix first: config-files."} {
		if !strings.Contains(p.Log(t), want) {
			t.Errorf("%q is missing:\n%s", want, p.Log(t))
		}
	}
}
