//go:build !race

package main

import "testing"

func needFaults(*testing.T) {}
