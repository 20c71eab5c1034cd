//go:build unix

package store

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// lockPatience is how long a lock may be in use and yet about to be free: a
// process that is being started shares its parent's files until it is itself.
const lockPatience = 500 * time.Millisecond

// lockFile takes the lock that keeps other processes out. The system releases
// it when its holder ends, however that happens.
func lockFile(path string) (io.Closer, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Since(began) > lockPatience {
			break
		}
	}
	if err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errInUse
		}
		return nil, err
	}
	return file, nil
}
