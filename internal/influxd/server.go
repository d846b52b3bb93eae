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

// Options are the settings of a server.
type Options struct {
	// Version is V1 or V2.
	Version string
	// Dir is the folder of the server's data and its log, influxd.log. It must be empty
	// or not exist.
	Dir string
	// Data is the folder of the points; Dir if empty.
	Data string
	// Port on 127.0.0.1; 0 picks a free one.
	Port int
	// Bucket to create; brandpulse if empty. Its data is kept forever.
	Bucket string
	// WithoutFlux makes 1.8 start without its language Flux, whose library it otherwise
	// compiles for four seconds. 2.7 always has it.
	WithoutFlux bool
	// Auth makes 1.8 require the token, as 2.7 always does.
	Auth bool
	// Progress receives the steps of Get if the server must be built first.
	Progress buildcache.Progress
}

// How long a server may take to respond, including the replay of its log, and to stop.
const (
	startTimeout = 3 * time.Minute
	stopTimeout  = 30 * time.Second
)

// Server is a running InfluxDB, or one that can be restarted. Its methods must not be
// called by several goroutines at once, except for queries and writes.
type Server struct {
	// Database is the bucket that was set up, in the organisation brandpulse. Its token
	// is random; 1.8 without Auth has none.
	*Database
	Version string

	port  int
	dir   string
	path  string
	args  []string
	child *process.Process
}

// Start gets InfluxDB of that version (see Get), starts it, waits until it responds,
// and sets up an organisation, a bucket and a token.
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
		return nil, fmt.Errorf("creating the folder of InfluxDB: %w", err)
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
		// Both versions read settings from the environment and the home folder. Those
		// of the user's own InfluxDB must not apply.
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

// Restart starts the server again on the same port and data, after a Kill or a Stop. A
// running server is stopped first. It returns when the server responds.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.start(ctx)
}

// Stop ends the server gracefully and closes the client's connections.
func (s *Server) Stop() error {
	s.Close()
	return s.stop()
}

func (s *Server) stop() error { return s.child.Stop(stopTimeout) }

// Kill ends the server as a crash would (SIGKILL).
func (s *Server) Kill() error { return s.child.Kill() }

// Pause freezes the server (SIGSTOP): the kernel accepts connections, and nothing
// responds.
func (s *Server) Pause() error { return s.child.Pause() }

// Resume continues a paused server (SIGCONT).
func (s *Server) Resume() error { return s.child.Resume() }

// Done returns a channel that is closed when the server's process has ended. After a
// Restart it is another channel.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Ended returns how the server's process has ended, or "" while it runs.
func (s *Server) Ended() string { return s.child.Ended() }

// PID returns the id of the server's process; it changes with a Restart.
func (s *Server) PID() int { return s.child.PID() }

// LogPath returns the path of the file with the server's output.
func (s *Server) LogPath() string { return filepath.Join(s.dir, "influxd.log") }

// Size returns the size of the server's files in bytes.
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

// ignoreGone ignores files that the server removes while they are measured.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
