package influxd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Options say which server to start.
type Options struct {
	// Version is V1 or V2.
	Version string
	// Dir holds the server's data and its log, influxd.log. It must be empty, or
	// not there yet.
	Dir string
	// Data is where the points lie; in Dir when empty.
	Data string
	// Port on 127.0.0.1; 0 picks a free one.
	Port int
	// Bucket to create; brandpulse when empty. Its data is kept for ever.
	Bucket string
	// Auth makes 1.8 ask for the token, which 2.7 always does.
	Auth bool
	// Progress is told what Get does when the server must be built first.
	Progress buildcache.Progress
}

// How long a server may take to answer, the replay of its log included, and to
// stop.
const (
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
)

// Server is a running InfluxDB, or one that can be started again. Its methods
// are not for use by several goroutines at once, but for queries and writes.
type Server struct {
	// Database is the bucket that was set up, of the organisation brandpulse. Its
	// token is random; 1.8 without Auth has none.
	*Database
	Version string

	port  int
	dir   string
	path  string
	args  []string
	child *process.Process
}

// Start gets InfluxDB of that version (see Get), starts it, waits until it
// answers, and sets up an organisation, a bucket and a token.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	path, err := Get(ctx, o.Version, o.Progress)
	if err != nil {
		return nil, err
	}
	if o.Port == 0 {
		ports, err := process.FreePorts(1)
		if err != nil {
			return nil, err
		}
		o.Port = ports[0]
	}
	if o.Bucket == "" {
		o.Bucket = "brandpulse"
	}
	if o.Data == "" {
		o.Data = o.Dir
	}
	s := &Server{Version: o.Version, port: o.Port, dir: o.Dir, path: path}
	if err := process.EmptyDir(o.Dir); err != nil {
		return nil, fmt.Errorf("making the folder of InfluxDB: %w", err)
	}
	var token string
	switch o.Version {
	case V1:
		if o.Auth {
			token = "brandpulse:" + rand.Text()
		}
		err = s.configureV1(o)
	case V2:
		token = rand.Text()
		s.configureV2(o)
	}
	if err != nil {
		return nil, err
	}
	s.Database = NewDatabase(fmt.Sprintf("http://127.0.0.1:%d", o.Port), "brandpulse", o.Bucket, token)

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if err := s.setUp(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("setting up InfluxDB %s: %w", o.Version, err), s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := process.CheckFree(s.port); err != nil {
		return err
	}
	child, err := process.Start(process.Command{
		Path: s.path,
		Args: s.args,
		// Both versions take settings from the environment and from the home
		// folder: those of the user's own InfluxDB must not get in.
		Env: process.Environment(s.dir),
		Log: s.LogPath(),
	})
	if err != nil {
		return err
	}
	s.child = child
	if err := child.Await(ctx, s.health); err != nil {
		return errors.Join(fmt.Errorf("starting InfluxDB %s: %w", s.Version, err), child.Kill())
	}
	return nil
}

// Restart starts the server again on the same port and data, after a Kill or a
// Stop; one that runs is stopped first. It returns when the server answers.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.start(ctx)
}

// Stop ends the server in good order and frees what the client holds.
func (s *Server) Stop() error {
	s.Close()
	return s.stop()
}

func (s *Server) stop() error { return s.child.Stop(stopTimeout) }

// Kill ends the server as a crash would (SIGKILL).
func (s *Server) Kill() error { return s.child.Kill() }

// Pause freezes the server (SIGSTOP): connections are taken by the kernel and
// nobody answers.
func (s *Server) Pause() error { return s.child.Pause() }

// Resume lets a paused server go on (SIGCONT).
func (s *Server) Resume() error { return s.child.Resume() }

// Done is closed when the server's process has ended, however that came about.
// After a Restart it is another channel.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Ended says how the server's process has ended; it is empty while that runs.
func (s *Server) Ended() string { return s.child.Ended() }

// PID is the number of the server's process; another one after a Restart.
func (s *Server) PID() int { return s.child.PID() }

// LogPath is the file with all that the server has printed.
func (s *Server) LogPath() string { return filepath.Join(s.dir, "influxd.log") }

// Size gives how many bytes the server's files take.
func (s *Server) Size() (int64, error) {
	var size int64
	err := filepath.WalkDir(s.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		size += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measuring the files of InfluxDB: %w", err)
	}
	return size, nil
}

// ignoreGone lets the server remove files while they are counted.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
