package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile replaces the file at path as a whole, readable by its owner only,
// and returns once it is on the disk. What a link points to is replaced, not the
// link; a pipe or device is written to. What belongs to another user is left
// alone: in a directory that is shared, it may be a trap.
func writeFile(path string, data []byte) error { return writeFileAs(os.Geteuid(), path, data) }

func writeFileAs(user int, path string, data []byte) error {
	path, special, err := destination(user, path)
	if err != nil {
		return err
	}
	if special != nil {
		return writeInto(user, path, special, data)
	}
	directory, name := filepath.Split(path)
	directory = cmp.Or(directory, ".")
	// CreateTemp makes the file with mode 0600.
	f, err := os.CreateTemp(directory, "."+name+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDirectory(directory)
}

// maxLinks is as many as Linux follows.
const maxLinks = 40

// destination follows the links at path to what the user may write. Where that is
// to be opened instead of being replaced, special says what it is.
func destination(user int, path string) (file string, special fs.FileInfo, err error) {
	file = path
	for range maxLinks {
		info, err := os.Lstat(file)
		if errors.Is(err, fs.ErrNotExist) {
			// It is new, the end of a link that leads nowhere, or a link of
			// /proc, which leads to something without a name.
			special, err := os.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				return path, nil, nil
			}
			if err == nil {
				err = checkOwner(user, path, special)
			}
			return path, special, err
		}
		if err == nil {
			err = checkOwner(user, file, info)
		}
		switch {
		case err != nil:
			return file, nil, err
		case info.Mode().IsRegular():
			return file, nil, nil
		case info.Mode()&fs.ModeSymlink == 0:
			return file, info, nil
		}
		next, err := os.Readlink(file)
		if err != nil {
			return file, nil, err
		}
		if !filepath.IsAbs(next) {
			directory, _ := filepath.Split(file)
			next = directory + next
		}
		file = next
	}
	return file, nil, fmt.Errorf("%s: too many links", path)
}

// checkOwner fails for what another user has made.
func checkOwner(user int, path string, info fs.FileInfo) error {
	if owner, known := ownerOf(info); known && !trusts(user, owner, info.Mode()) {
		return fmt.Errorf("%s belongs to another user", path)
	}
	return nil
}

// trusts reports whether a user follows a link to, or writes to, what is the
// owner's: the user's own, and the links and devices of the system, such as
// /dev/stdout.
func trusts(user, owner int, mode fs.FileMode) bool {
	return owner == user || owner == 0 && !mode.IsRegular()
}

// writeInto writes to what is at path and is not to be replaced, if it still is
// what it was.
func writeInto(user int, path string, expected fs.FileInfo, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkOwner(user, path, info)
	}
	if err == nil && !os.SameFile(expected, info) {
		err = fmt.Errorf("%s was replaced by something else", path)
	}
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, f.Close())
}

// syncDirectory makes a rename last. Not every file system knows that of
// directories; the file itself is safe then.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the directory: %w", err)
	}
	_ = d.Sync()
	return d.Close()
}
