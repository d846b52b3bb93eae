package kafkad

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
)

// quick are options of a Java that ends before code that is compiled well would pay:
// meanwhile its compiler takes the processor from what is tested.
var quick = []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}

const archive = "classes.jsa"

var (
	sharingOnce sync.Once
	sharing     []string
)

// share returns the options of a Java that loads Kafka's classes from an archive, which
// the first call on a machine creates, one for each version of Java. With it a broker
// starts in half of the processor time, since most of a start is reading and checking
// thousands of classes. If the archive does not fit or cannot be created, Java starts
// without it.
func share(ctx context.Context, j jvm, progress buildcache.Progress) []string {
	sharingOnce.Do(func() {
		name := fmt.Sprintf("kafka-%s-classes-%.6x", Version, sha256.Sum256([]byte(j.version)))
		dir, err := buildcache.Get(ctx, name, archive, progress, nil, func(ctx context.Context, dir string) error {
			progress.Say("archiving the classes of Apache Kafka %s, once", Version)
			return j.archive(ctx, filepath.Join(dir, archive))
		})
		if err != nil {
			progress.Say("Kafka starts without an archive of its classes: %v", err)
			return
		}
		sharing = []string{"-XX:SharedArchiveFile=" + filepath.Join(dir, archive)}
	})
	return sharing
}

// archive runs a broker, whose Java writes the classes that it has loaded when it ends.
func (j jvm) archive(ctx context.Context, file string) error {
	dir, err := os.MkdirTemp("", "brandpulse-kafka-")
	if err != nil {
		return err
	}
	server, err := j.begin(ctx, Options{Dir: dir, javaOptions: []string{"-XX:ArchiveClassesAtExit=" + file}})
	if err == nil {
		err = server.Stop()
	}
	return errors.Join(err, os.RemoveAll(dir))
}
