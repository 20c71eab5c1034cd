package model

import "hash/maphash"

// set is the worlds that were reached, in the order of that, each once. A map
// would hold each of them a second time, and take longer.
type set struct {
	worlds []world
	// slots hold an index into worlds, plus one, and 32 bits of that world's
	// hash. Their number is a power of two, and at most half of them are used.
	slots []slot
	seed  maphash.Seed
}

type slot struct{ index, hash uint32 }

func newSet() *set { return &set{slots: make([]slot, 1<<10), seed: maphash.MakeSeed()} }

// add reports whether w was not there yet.
func (s *set) add(w *world) bool {
	if 2*len(s.worlds) >= len(s.slots) {
		s.grow()
	}
	found, hash := s.find(w)
	if found.index != 0 {
		return false
	}
	s.worlds = append(s.worlds, *w)
	*found = slot{uint32(len(s.worlds)), hash}
	return true
}

// find is the slot where w is, or belongs.
func (s *set) find(w *world) (found *slot, hash uint32) {
	full := maphash.Comparable(s.seed, *w)
	hash = uint32(full >> 32)
	for i := full; ; i++ {
		at := &s.slots[i&uint64(len(s.slots)-1)]
		if at.index == 0 || at.hash == hash && s.worlds[at.index-1] == *w {
			return at, hash
		}
	}
}

func (s *set) grow() {
	s.slots = make([]slot, 2*len(s.slots))
	for i := range s.worlds {
		found, hash := s.find(&s.worlds[i])
		*found = slot{uint32(i) + 1, hash}
	}
}
