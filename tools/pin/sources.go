package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// digester says what a version is now.
type digester interface {
	digest(ctx context.Context, u use) (string, error)
}

// askTimeout bounds one question.
const askTimeout = time.Minute

// sources asks where things come from, by the programs that fetch them.
type sources struct{}

func (sources) digest(ctx context.Context, u use) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if u.kind == action {
		return commitOf(ctx, u)
	}
	return imageDigest(ctx, u.String())
}

// commitOf asks for the commit of a tag.
func commitOf(ctx context.Context, u use) (string, error) {
	tag := "refs/tags/" + u.version
	out, err := output(ctx, "git", "ls-remote", "https://github.com/"+u.name, tag, tag+"^{}")
	if err != nil {
		return "", err
	}
	return commitIn(string(out), tag)
}

// commitIn reads the answer of git ls-remote. A tag with a message is an object of
// its own, and the commit is behind ^{}.
func commitIn(answer, tag string) (string, error) {
	found := map[string]string{}
	for line := range strings.Lines(answer) {
		if hash, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			found[name] = hash
		}
	}
	for _, name := range []string{tag + "^{}", tag} {
		if hash := found[name]; hash != "" {
			return hash, nil
		}
	}
	return "", errors.New("it is no tag: only tags can be pinned, a branch moves with every commit")
}

// imageDigest asks for the digest of an image for all platforms together.
func imageDigest(ctx context.Context, image string) (string, error) {
	var errs []error
	for _, ask := range []func() (string, error){
		func() (string, error) {
			return text(output(ctx, "docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image))
		},
		func() (string, error) { return text(output(ctx, "crane", "digest", image)) },
		func() (string, error) {
			// Its own digest is that of this machine's platform alone.
			manifest, err := output(ctx, "skopeo", "inspect", "--raw", "docker://"+image)
			if err != nil {
				return "", err
			}
			sum := sha256.Sum256(manifest)
			return "sha256:" + hex.EncodeToString(sum[:]), nil
		},
	} {
		digest, err := ask()
		if err == nil {
			return digest, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

func text(out []byte, err error) (string, error) { return strings.TrimSpace(string(out)), err }

func output(ctx context.Context, program string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, program, args...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %.300s", program, err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}
