//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package verify

import "syscall"

// allocate takes size bytes of zeros from the system rather than from Go's
// heap: there the collector would let as much garbage pile up beside them
// before it runs. The system gives the pages as they are touched.
func allocate(size int) (memory []byte, free func()) {
	memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, size), func() {}
	}
	return memory, func() { _ = syscall.Munmap(memory) }
}
