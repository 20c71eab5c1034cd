// Package compat holds the API against the client libraries that Microsoft
// publishes for Azure DevOps: unmodified, they must find the tokens by
// discovery and do every operation.
package compat_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
