// Package kafkad gets, starts and stops a real Apache Kafka for tests: a process that
// is broker and controller, or several, on 127.0.0.1 only.
package kafkad

import (
	"archive/zip"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Version is the version of Kafka. pom.xml contains it too.
const Version = "4.1.0"

//go:embed pom.xml
var pom []byte

// oldestJava is the oldest Java that Kafka 4's broker supports.
const oldestJava = 17

// Get returns the folder with Kafka's libraries, which the first call downloads with
// Maven into the user's cache folder (54 MB), with an archive of its classes beside it
// (50 MB). progress may be nil.
//
// If Java or Maven is missing, the error is a process.MissingError. Concurrent calls,
// in any number of processes, download once.
func Get(ctx context.Context, progress buildcache.Progress) (dir string, err error) {
	dir, _, err = get(ctx, progress)
	return dir, err
}

// get is Get. It also returns a Java with the options to run Kafka.
func get(ctx context.Context, progress buildcache.Progress) (dir string, java jvm, err error) {
	if java, err = findJava(ctx); err != nil {
		return "", java, err
	}
	dir, err = buildcache.Get(ctx, "kafka-"+Version, "kafka_2.13-"+Version+".jar", progress, checkJars, func(ctx context.Context, dir string) error {
		maven, err := process.Look("mvn", "getting Kafka "+Version, "https://maven.apache.org")
		if err != nil {
			return err
		}
		progress.Say("downloading Apache Kafka %s: 54 MB, once", Version)
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o644); err != nil {
			return err
		}
		_, err = buildcache.Run(ctx, dir, nil, progress, maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+dir)
		if err != nil {
			return fmt.Errorf("getting Kafka %s: %w", Version, err)
		}
		return nil
	})
	if err != nil {
		return "", java, err
	}
	java.options = []string{"-cp", filepath.Join(dir, "*")}
	java.options = append(java.options, share(ctx, java, progress)...)
	return dir, java, nil
}

// checkJars returns an error if a library is truncated: the directory of a jar is at
// its end.
func checkJars(_ context.Context, dir string) error {
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil {
		return err
	}
	for _, jar := range jars {
		z, err := zip.OpenReader(jar)
		if err != nil {
			return fmt.Errorf("reading %s: %w", jar, err)
		}
		z.Close()
	}
	return nil
}

// jvm is a Java and how to run Kafka with it.
type jvm struct {
	path    string
	version string   // all that it says of itself
	options []string // of all that it runs
}

var javaVersion = regexp.MustCompile(`(?m)^\S+ (\d+)`)

// findJava returns a Java that is new enough. A java without a version is the stub of
// macOS, which only tells where to get Java.
func findJava(ctx context.Context) (jvm, error) {
	path, err := process.Look("java", "Kafka "+Version, "Java 17 or newer, e.g. default-jre-headless")
	if err != nil {
		return jvm{}, err
	}
	out, err := buildcache.Run(ctx, "", nil, nil, path, "--version")
	found := javaVersion.FindSubmatch(out)
	if err == nil && found != nil {
		if major, _ := strconv.Atoi(string(found[1])); major >= oldestJava {
			return jvm{path: path, version: string(out)}, nil
		}
	}
	return jvm{}, &process.MissingError{Program: "Java 17", For: "Kafka " + Version, Get: "or newer, e.g. default-jre-headless"}
}
