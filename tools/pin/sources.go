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

// digester returns the current digest of a version.
type digester interface {
	digest(ctx context.Context, u use) (string, error)
}

// askTimeout limits one lookup.
const askTimeout = time.Minute

// sources looks digests up with the programs that fetch actions and images.
type sources struct{}

func (sources) digest(ctx context.Context, u use) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if u.kind == action {
		return commitOf(ctx, u)
	}
	return imageDigest(ctx, u.String())
}

// commitOf returns the commit of a tag.
func commitOf(ctx context.Context, u use) (string, error) {
	tag := "refs/tags/" + u.version
	out, err := output(ctx, "git", "ls-remote", "https://github.com/"+u.name, tag, tag+"^{}")
	if err != nil {
		return "", err
	}
	return commitIn(string(out), tag)
}

// commitIn finds the commit in the output of git ls-remote. An annotated tag is an
// object of its own; its commit has the suffix ^{}.
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
	return "", errors.New("there is no such tag; only tags can be pinned, since a branch moves with every commit")
}

// imageDigest returns the digest of an image for all platforms.
func imageDigest(ctx context.Context, image string) (string, error) {
	var errs []error
	for _, ask := range []func() (string, error){
		func() (string, error) {
			return text(output(ctx, "docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image))
		},
		func() (string, error) { return text(output(ctx, "crane", "digest", image)) },
		func() (string, error) {
			// The digest that skopeo itself prints is that of one platform.
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
