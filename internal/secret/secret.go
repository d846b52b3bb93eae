// Package secret adds two companions to a plugin's field for a token or a password:
// NAME_env, the name of an environment variable, and NAME_file, the path of a file.
//
// A secret that is written as ${VARIABLE} becomes part of the YAML before it is parsed,
// which can change it: abc'#def arrives as abc, a backslash as an escape, 0123 as a
// number. It is then also part of the configuration, which the REST API of streams mode
// shows. The values of the companions arrive byte for byte, and are never part of the
// configuration.
package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// maxBytes bounds what is read from a file: a secret is one line.
const maxBytes = 64 << 10

// variable matches the name of an environment variable.
const variable = `^[A-Za-z_][A-Za-z0-9_.]*$`

var isVariable = regexp.MustCompile(variable)

// Fields returns the secret and its companions. The caller provides the description of
// the secret.
func Fields(name, description string) []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(name).
			Description(description + " Prefer `" + name + "_env` or `" + name + "_file`: as part of this file, YAML's rules for quotes would change the text of a variable.").
			Default("").
			Secret(),
		service.NewStringField(name + "_env").
			Description("The name of an environment variable that contains the `" + name + "`: it is used unchanged, with any characters. If the variable is not set or empty, there is none.").
			Default("").
			Example("BRANDPULSE_" + strings.ToUpper(name)).
			LintRule(`root = if this != "" && !this.re_match("""` + variable + `""") { [ "` + wrongName(name) + `" ] }`),
		service.NewStringField(name + "_file").
			Description("The path of a file that contains the `" + name + "`, such as a secret of Docker or Kubernetes. One line break at its end is ignored. It must be a regular file, and is read once, at the start.").
			Default("").
			Example("/run/secrets/" + name),
	}
}

// Advanced marks all of them as advanced.
func Advanced(fields []*service.ConfigField) []*service.ConfigField {
	for _, f := range fields {
		f.Advanced()
	}
	return fields
}

// The value is not shown: it may be the secret itself, if ${VARIABLE} was written
// instead of the name.
func wrongName(name string) string {
	return name + "_env must be the name of an environment variable, such as BRANDPULSE_" + strings.ToUpper(name) + ", without $ and braces"
}

// IsSet returns a Bloblang condition on an object with the fields: a secret is given,
// as far as lint can know. A variable may be empty.
func IsSet(name string) string {
	return `(this.` + name + `.or("") != "" || this.` + name + `_file.or("") != "")`
}

// Twice returns a Bloblang condition on an object with the fields: the secret and a
// companion are given.
func Twice(name string) string {
	return `(this.` + name + `.or("") != "" && (this.` + name + `_env.or("") != "" || this.` + name + `_file.or("") != ""))`
}

// WrongTwice returns the message of lint and From about a secret that is given twice.
func WrongTwice(name string) string {
	return name + " is given more than once: set only one of " + name + ", " + name + "_env and " + name + "_file"
}

// From returns the secret that the fields name, or "". A variable that is not set or
// empty counts as none, so a configuration may name a variable and a file.
func From(parsed *service.ParsedConfig, name string) (string, error) {
	value, err := parsed.FieldString(name)
	if err != nil {
		return "", err
	}
	env, err := parsed.FieldString(name + "_env")
	if err != nil {
		return "", err
	}
	path, err := parsed.FieldString(name + "_file")
	if err != nil {
		return "", err
	}
	if value != "" && (env != "" || path != "") {
		return "", errors.New(WrongTwice(name))
	}
	if env != "" {
		if value, err = fromEnv(name, env, path == "", parsed.Resources().Logger()); err != nil {
			return "", err
		}
	}
	if path == "" {
		return value, nil
	}
	if value != "" {
		return "", errors.New(WrongTwice(name))
	}
	return fromFile(name, path, parsed.Resources().FS())
}

func fromEnv(name, env string, only bool, log *service.Logger) (string, error) {
	if !isVariable.MatchString(env) {
		return "", errors.New(wrongName(name))
	}
	value := os.Getenv(env)
	if strings.HasSuffix(value, "\n") || strings.HasSuffix(value, "\r") {
		return "", fmt.Errorf("%s_env: the variable ends in a line break, which is probably not part of the secret. Remove it, or use %s_file", name, name)
	}
	if strings.ContainsAny(value, "\r\n") {
		return "", fmt.Errorf("%s_env: the variable contains a line break, but a %s is one line", name, name)
	}
	if value == "" && only {
		log.Infof("%s_env names a variable that is not set or empty: continuing without a %s", name, name)
	}
	return value, nil
}

func fromFile(name, path string, files *service.FS) (string, error) {
	// Opening a named pipe waits for a writer, and a device may never end.
	info, err := files.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s_file: %s is %s: it must be a regular file that contains the %s", name, path, kindOf(info.Mode()), name)
	}
	file, err := files.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", name, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", name, err)
	}
	if len(content) > maxBytes {
		return "", fmt.Errorf("%s_file: %s has more than %d bytes, so it is not a file with a %s", name, path, maxBytes, name)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if value == "" {
		return "", fmt.Errorf("%s_file: %s is empty", name, path)
	}
	return value, nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}
