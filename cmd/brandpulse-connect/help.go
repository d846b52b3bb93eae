package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/nearest"
)

// Benthos's help shows components that are not linked here and pages below our address
// that do not exist, in lines of any length. Benthos lets a distribution replace its
// commands, but not the help of the program and of the remaining commands, so this
// replaces the function with which urfave/cli prints help.

// helpWidth is the width of the narrowest usual terminal.
const helpWidth = 80

// benthosDocs is the address of the pages that Benthos's help expects below
// documentationURL.
const benthosDocs = "https://docs.redpanda.com/redpanda-connect"

const appDescription = `
Counts the sentiment of tweets from Kafka into InfluxDB. It is a distribution of
Benthos (Redpanda Connect): a pipeline is a YAML file of an input, processors and
an output. ` + documentationURL + `

   brandpulse-connect demo
   brandpulse-connect run config/exact.yaml
   brandpulse-connect create kafka_batches/sentiment_window/influxdb > my.yaml
   brandpulse-connect lint my.yaml
   brandpulse-connect list inputs

Each command has its own help: brandpulse-connect run --help`

// helpTexts replace usage and description of commands that are Benthos's own.
var helpTexts = map[string]struct{ usage, description string }{
	"run": {"Run a pipeline", `
Runs a pipeline until its input ends, or until Ctrl-C. Without a FILE it runs the
first of these that exists: ` + strings.Join(configPaths, ", ") + `.

   brandpulse-connect run config/exact.yaml
   TOPIC=mine brandpulse-connect run config/exact.yaml
   brandpulse-connect run --set http.address=127.0.0.1:4197 my.yaml`},
	"streams": {"Run several pipelines in one process, with a REST API to change them", `
   brandpulse-connect streams --no-api ./streams/*.yaml
   brandpulse-connect streams -o root.yaml ./streams

The file of -o has http, logger, metrics and resources. The REST API needs a login
(http.basic_auth); --no-api disables it.

More: ` + benthosDocs + `/guides/streams_mode/about`},
	"echo": {"Print a pipeline with defaults and variables filled in", `
Shows the pipeline that a run would use, for instance to check a variable.

   brandpulse-connect echo config/exact.yaml
   brandpulse-connect echo --set 'input.generate.mapping=root.id = uuid_v4()'`},
	"test": {"Run the unit tests of pipelines", `
Runs the tests of a pipeline: those in its own file and those in the file of the same
name that ends with _benthos_test.yaml. Exit code 0: all pass; 1: a test fails.

   brandpulse-connect test ./config/...
   brandpulse-connect test config/exact.yaml

More: ` + benthosDocs + `/configuration/unit_testing`},
	"blobl": {"Try a Bloblang mapping on JSON documents", `
   echo '{"score":0.9}' | brandpulse-connect blobl 'root = this.score > 0.5'
   brandpulse-connect blobl -i input.jsonl -f mapping.blobl

Reads one document per line, from stdin or the file of -i.

More: ` + benthosDocs + `/guides/bloblang/about`},
}

// usageShown is set once urfave/cli has printed a usage error, which it also returns.
var usageShown bool

func printHelp(w io.Writer, _ string, data any) {
	switch of := data.(type) {
	case *cli.App:
		if !wantsHelp(os.Args[1:]) {
			fmt.Fprintln(cli.ErrWriter, unknownCommand(of, os.Args[1:]))
			usageShown = true
			return
		}
		printAppHelp(w, of)
	case *cli.Command:
		// Without --help, urfave/cli prints help for a wrong flag, whose error follows,
		// and for a command that consists of subcommands.
		if !wantsHelp(os.Args[1:]) && os.Args[len(os.Args)-1] != of.Name {
			fmt.Fprintf(w, "For all flags, run %s --help\n", of.HelpName)
			usageShown = true
			return
		}
		printCommandHelp(w, of)
	}
}

func wantsHelp(arguments []string) bool {
	return slices.ContainsFunc(arguments, func(a string) bool {
		return a == "help" || a == "h" || a == "-h" || a == "--help" || a == "-help"
	})
}

// unknownCommand returns a hint for a command or flag that does not exist.
func unknownCommand(app *cli.App, arguments []string) string {
	var names []string
	for _, command := range app.Commands {
		if !command.Hidden {
			names = append(names, command.Name)
		}
	}
	hint := ""
	if name := firstArgument(app, arguments); name != "" {
		if _, err := os.Stat(name); err == nil {
			hint = fmt.Sprintf("To run it as a pipeline: %s run %s\n", binaryName, name)
		} else if near := nearest.Name(name, names); near != "" {
			hint = fmt.Sprintf("Did you mean %s?\n", near)
		}
	}
	return fmt.Sprintf("%sFor all commands, run %s --help", hint, binaryName)
}

// firstArgument returns the first argument that is neither a flag nor its value.
func firstArgument(app *cli.App, arguments []string) string {
	for i := 0; i < len(arguments); i++ {
		name := strings.TrimLeft(arguments[i], "-")
		if name == arguments[i] {
			return name
		}
		for _, flag := range app.Flags {
			if _, is := flag.(*cli.BoolFlag); !is && slices.Contains(flag.Names(), name) {
				i++ // its value
			}
		}
	}
	return ""
}

func printAppHelp(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, "%s: tweets from Kafka, counted by sentiment, into InfluxDB\n\nUSAGE:\n   %s COMMAND [OPTIONS] [ARGUMENTS]\n\nDESCRIPTION:\n%s\n\nCOMMANDS:\n", productName, binaryName, indented(appDescription[1:], 3))
	for _, command := range app.VisibleCommands() {
		usage := command.Usage
		if text, is := helpTexts[command.Name]; is {
			usage = text.usage
		}
		fmt.Fprintln(w, twoColumns(command.Name, usage, 16))
	}
	printFlags(w, app.VisibleFlags())
}

func printCommandHelp(w io.Writer, command *cli.Command) {
	usage, description := command.Usage, command.Description
	if text, is := helpTexts[command.Name]; is && command.HelpName == binaryName+" "+command.Name {
		usage = text.usage
		if text.description != "" {
			description = text.description[1:]
		}
	}
	description = strings.ReplaceAll(description, documentationURL+"/guides/", benthosDocs+"/guides/")
	description = strings.ReplaceAll(description, documentationURL+"/configuration/", benthosDocs+"/configuration/")
	arguments := command.ArgsUsage
	if arguments == "" {
		arguments = map[string]string{"run": "FILE", "echo": "FILE", "streams": "[FILES]", "test": "FILES", "blobl": "MAPPING"}[command.Name]
	}
	fmt.Fprintf(w, "%s: %s\n\nUSAGE:\n   %s\n", command.HelpName, wrapped(usage, len(command.HelpName)+2, 3), strings.TrimSpace(command.HelpName+" [OPTIONS] "+arguments))
	if description != "" {
		fmt.Fprintf(w, "\nDESCRIPTION:\n%s\n", indented(description, 3))
	}
	if subcommands := command.VisibleCommands(); len(command.Subcommands) > 1 {
		fmt.Fprint(w, "\nCOMMANDS:\n")
		for _, sub := range subcommands {
			fmt.Fprintln(w, twoColumns(sub.Name, sub.Usage, 16))
		}
	}
	printFlags(w, command.VisibleFlags())
}

func printFlags(w io.Writer, flags []cli.Flag) {
	if len(flags) > 0 {
		fmt.Fprint(w, "\nOPTIONS:\n")
	}
	for _, flag := range flags {
		names, usage, _ := strings.Cut(flag.String(), "\t")
		names, _, _ = strings.Cut(names, " [ ") // the note that it may be repeated
		fmt.Fprintln(w, twoColumns(strings.TrimSpace(names), strings.ReplaceAll(strings.TrimSpace(usage), "\t", " "), 28))
	}
}

// twoColumns writes text beside a name, or below a long one.
func twoColumns(name, text string, column int) string {
	line := "   " + name
	if len(line) < column-1 {
		line += strings.Repeat(" ", column-len(line))
	} else {
		line += "\n" + strings.Repeat(" ", column)
	}
	return strings.TrimRight(line+wrapped(text, column, column), " ")
}

// wrapped wraps a text that begins in column first. Its other lines begin in column rest.
func wrapped(text string, first, rest int) string {
	var out strings.Builder
	column := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > helpWidth:
			out.WriteString("\n" + strings.Repeat(" ", rest))
			column = rest
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String()
}

// indented wraps the paragraphs of a description. Indented lines are examples, which are
// not wrapped.
func indented(text string, by int) string {
	margin := strings.Repeat(" ", by)
	var out []string
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			out = append(out, margin+wrapped(strings.Join(paragraph, " "), by, by))
			paragraph = nil
		}
	}
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			out = append(out, "")
		case strings.HasPrefix(line, " "):
			flush()
			out = append(out, example("  "+line)...)
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// example breaks the line of a long command so that it can still be pasted.
func example(line string) (out []string) {
	if len(line) <= helpWidth {
		return []string{line}
	}
	margin := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if command, comment, is := strings.Cut(line, " # "); is {
		return append([]string{margin + "# " + comment}, example(strings.TrimRight(command, " "))...)
	}
	for len(line) > helpWidth {
		at := strings.LastIndex(line[:helpWidth-1], " --")
		if at <= len(margin) {
			break
		}
		out = append(out, line[:at]+" \\")
		line = margin + "  " + line[at+1:]
	}
	return append(out, line)
}
