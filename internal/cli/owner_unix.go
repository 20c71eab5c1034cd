//go:build unix

package cli

import (
	"io/fs"
	"syscall"
)

// ownerOf is the id of the user whose file it is.
func ownerOf(info fs.FileInfo) (id int, known bool) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), true
	}
	return 0, false
}
