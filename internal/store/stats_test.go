package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommitSizes(t *testing.T) {
	t.Parallel()
	var counted tally
	for _, changes := range []int{1, 1, 2, 3, 4, 5, 33, maxGroup} {
		counted.committed(changes)
	}
	want := Stats{Changes: 113, Commits: 8, CommitSizes: [7]int64{2, 1, 2, 1, 0, 0, 2}}
	if diff := cmp.Diff(want, counted.stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	if largest := 1 << (len(want.CommitSizes) - 1); largest != maxGroup {
		t.Errorf("the largest size counted apart is %d, that of a commit %d", largest, maxGroup)
	}
}
