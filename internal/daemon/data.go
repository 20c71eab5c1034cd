package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// makeData makes the directory for what is kept, which is nobody else's and no
// part of a repository.
func makeData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600); err != nil {
		return fmt.Errorf("keeping the data directory out of repositories: %w", err)
	}
	return nil
}

// replaceFile replaces the file at path in one step, readable by its owner only.
func replaceFile(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	defer os.Remove(file.Name()) // fails once renamed, as it should
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return os.Rename(file.Name(), path)
}
