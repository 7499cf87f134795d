//go:build race

package main

import "testing"

// needFaults skips a test that reaches for memory that is not there: the race
// detector looks up every address and does not survive that.
func needFaults(t *testing.T) { t.Skip("not under the race detector") }
