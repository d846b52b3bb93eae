package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	connect   = "github.com/redpanda-data/connect/v4"
	apacheTop = "// Licensed under the Apache License, Version 2.0 (the \"License\");\n// you may not use this file except in compliance with the License.\n\npackage a\n"
	rclTop    = `// Copyright 2025 Redpanda Data, Inc.
//
// Licensed as a Redpanda Enterprise file under the Redpanda Community
// License (the "License"); you may not use this file except in compliance with
// the License. You may obtain a copy of the License at
//
// https://github.com/redpanda-data/connect/blob/main/licenses/rcl.md

package serviceaccount
`
	gplTop = `/*
 * This program is free software: you can redistribute it and/or modify
 * it under the terms of the GNU General Public License as published by
 * the Free Software Foundation, either version 3 of the License, or
 * (at your option) any later version.
 */
package a
`
	mit = `Copyright (c) 2020 A. Person

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`
	commons = "\n\"Commons Clause\" License Condition v1.0\n\nThe rights do not include the right to Sell the Software.\n"
)

// moduleOf writes the files below a temporary folder; all but licence files
// count as compiled.
func moduleOf(t *testing.T, path string, files map[string]string) *module {
	t.Helper()
	m := &module{path: path, version: "v1.0.0", dir: t.TempDir(), files: map[string]bool{}}
	for name, text := range files {
		file := filepath.Join(m.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".go") {
			m.files[name] = true
		}
	}
	return m
}

func TestEachBreachOfThePolicyIsFound(t *testing.T) {
	c, err := newClassifier()
	if err != nil {
		t.Fatal(err)
	}
	loginException := scopes[0].exceptions[0]
	for _, tc := range []struct {
		name       string
		path       string
		files      map[string]string
		exceptions []exception
		want       []string // one for each finding, in order
	}{
		{
			name:  "MIT module",
			path:  "example.com/mit",
			files: map[string]string{"LICENSE": mit, "a.go": "package a\n"},
		},
		{
			name:  "header that points at the licence file",
			path:  "example.com/mit",
			files: map[string]string{"LICENSE": mit, "a.go": "// Use of this source code is governed by an MIT-style\n// license that can be found in the LICENSE file.\n\npackage a\n"},
		},
		{
			name:  "module without a licence",
			path:  "example.com/none",
			files: map[string]string{"a.go": "package a\n"},
			want:  []string{"has no licence file"},
		},
		{
			name:  "licence in words of its own",
			path:  "example.com/own",
			files: map[string]string{"LICENSE": "You may use this on Tuesdays.\n", "a.go": "package a\n"},
			want:  []string{"LICENSE is no licence that is known here"},
		},
		{
			name:  "GPL file in an MIT module",
			path:  "example.com/mixed",
			files: map[string]string{"LICENSE": mit, "a.go": gplTop},
			want:  []string{"a.go is under GPL-3.0"},
		},
		{
			name:  "GPL by identifier alone",
			path:  "example.com/mixed",
			files: map[string]string{"LICENSE": mit, "a.go": "// SPDX-License-Identifier: AGPL-3.0-only\n\npackage a\n"},
			want:  []string{"a.go is under AGPL-3.0-only"},
		},
		{
			name:  "MIT text with a commons clause",
			path:  "example.com/commons",
			files: map[string]string{"LICENSE": mit + commons, "a.go": "package a\n"},
			want:  []string{"LICENSE is Commons-Clause"},
		},
		{
			name:  "copied code with a licence of its own in a folder",
			path:  "example.com/copied",
			files: map[string]string{"LICENSE": mit, "third/LICENSE": "All rights reserved.\n", "third/deep/a.go": "package a\n"},
			want:  []string{"third/LICENSE is no licence that is known here"},
		},
		{
			name:  "header in words of its own",
			path:  "example.com/mit",
			files: map[string]string{"LICENSE": mit, "a.go": "//go:build linux\n\n// You need a licence key to run this file.\n\npackage a\n"},
			want:  []string{"a.go has a licence header that is not known here"},
		},
		{
			name:       "connect with the one file that is excepted",
			path:       connect,
			files:      map[string]string{"a/a.go": apacheTop, "internal/serviceaccount/oauth2.go": rclTop},
			exceptions: []exception{loginException},
		},
		{
			name:       "connect with a second file under the community licence",
			path:       connect,
			files:      map[string]string{"internal/gateway/a.go": rclTop, "internal/serviceaccount/oauth2.go": rclTop},
			exceptions: []exception{loginException},
			want:       []string{"internal/gateway/a.go is under Redpanda-Community"},
		},
		{
			name:  "connect where nothing is excepted",
			path:  connect,
			files: map[string]string{"internal/serviceaccount/oauth2.go": rclTop},
			want:  []string{"internal/serviceaccount/oauth2.go is under Redpanda-Community"},
		},
		{
			name:  "connect file that does not name its licence",
			path:  connect,
			files: map[string]string{"a/a.go": "package a\n"},
			want:  []string{"a/a.go does not name its licence"},
		},
		{
			name:       "exception that nothing needs",
			path:       connect,
			files:      map[string]string{"a/a.go": apacheTop},
			exceptions: []exception{loginException},
			want:       []string{"is not needed any more"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := scope{packages: "./...", exceptions: tc.exceptions}
			got, err := s.judge(c, modules{tc.path: moduleOf(t, tc.path, tc.files)})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			for i, want := range tc.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("finding %d is %q, want it to say %q", i, got[i], want)
				}
			}
		})
	}
}

// The fixtures above could agree with a check that reads the wrong files: on
// the real build, taking the exception away must bring up its file alone.
func TestOnlyTheExceptedFileOfTheDistributionIsNotPermissive(t *testing.T) {
	c, err := newClassifier()
	if err != nil {
		t.Fatal(err)
	}
	distribution := scopes[0]
	inv, err := listModules(t.Context(), filepath.Join("..", ".."), distribution.packages, platforms[:1])
	if err != nil {
		t.Fatal(err)
	}
	if inv[connect] == nil {
		t.Fatalf("the distribution does not link %s: %v", connect, slices.Sorted(maps.Keys(inv)))
	}
	got, err := scope{packages: distribution.packages}.judge(c, inv)
	if err != nil {
		t.Fatal(err)
	}
	want := distribution.exceptions[0].file + " is under " + redpandaCommunity
	if len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("without its exception the distribution gives %q, want one finding with %q", got, want)
	}
}
