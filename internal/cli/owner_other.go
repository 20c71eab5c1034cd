//go:build !unix

package cli

import "io/fs"

// ownerOf knows nobody: access control lists decide here, and links are for
// administrators.
func ownerOf(fs.FileInfo) (id int, known bool) { return 0, false }
