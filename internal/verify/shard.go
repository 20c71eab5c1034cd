package verify

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/patrolhq/patrol/internal/pat"
)

// shard is a part of the cache with a lock of its own. Rows lie in a ring in
// the order in which they came, and none across its end. A new row takes the
// place of the oldest ones; one that was found since it came, or since the
// clock last passed it, moves to the front instead of leaving (CLOCK).
type shard struct {
	mu sync.Mutex
	// generation counts the invalidations: what was read before one of them
	// must not be kept after it.
	generation uint64
	// epoch is that of the lease under which all rows were read.
	epoch uint64
	ring  []byte
	// head is where the next row goes and tail where the oldest is, counted in
	// all bytes that ever went into the ring.
	head, tail uint64
	rows       int
	// evicted counts the rows that left to make room.
	evicted int64
	// index is a hash table with linear probing: slots of four bytes, each with
	// the place of a row in its low bits and some of the row's hash in the
	// others; 0 is free.
	index     []byte
	placeBits int
	spilled   *spillway
}

// bytesPerSlot is how many bytes of ring there are for a slot: fewer than a
// row has, so that slots never run out.
const bytesPerSlot = 128

// init gives the shard its memory, which is all zero.
func (s *shard) init(memory []byte, spilled *spillway) {
	slots := len(memory) / (bytesPerSlot + 4)
	ring := slots * bytesPerSlot
	s.ring, s.index, s.placeBits = memory[:ring:ring], memory[ring:ring+4*slots], bits.Len(uint(ring/8))
	s.spilled = spilled
}

// at is the row, or the stretch that says nothing, that begins at an offset of
// the whole ring.
func (s *shard) at(offset uint64) row {
	r := row(s.ring[offset%uint64(len(s.ring)):])
	return r[:r.size()]
}

// find is the row of digest, and its slot.
func (s *shard) find(digest *pat.Digest) (r row, slot int, ok bool) {
	tag := s.tag(digest)
	for slot = s.home(digest); ; slot = s.after(slot) {
		value := s.slot(slot)
		if value == 0 {
			return nil, 0, false
		}
		if value>>s.placeBits == tag {
			if r = s.rowIn(value); *r.digest() == *digest {
				return r, slot, true
			}
		}
	}
}

// home is the slot where the search for digest begins. Digests are as good as
// random, and nobody without the server's key can choose one.
func (s *shard) home(digest *pat.Digest) int {
	return int(uint64(binary.LittleEndian.Uint32(digest[0:])) * uint64(len(s.index)/4) >> 32)
}

// tag is the part of digest that stands in its slot.
func (s *shard) tag(digest *pat.Digest) uint32 {
	return binary.LittleEndian.Uint32(digest[4:]) >> s.placeBits
}

func (s *shard) slot(i int) uint32           { return binary.LittleEndian.Uint32(s.index[4*i:]) }
func (s *shard) setSlot(i int, value uint32) { binary.LittleEndian.PutUint32(s.index[4*i:], value) }

// after is the slot that follows.
func (s *shard) after(slot int) int {
	if slot++; slot < len(s.index)/4 {
		return slot
	}
	return 0
}

// rowIn is the row that a slot's value names.
func (s *shard) rowIn(value uint32) row {
	place := uint64(value&(1<<s.placeBits-1) - 1)
	return s.at(8 * place)
}

// enter puts the row at an offset into a free slot.
func (s *shard) enter(digest *pat.Digest, offset uint64) {
	slot := s.home(digest)
	for s.slot(slot) != 0 {
		slot = s.after(slot)
	}
	s.point(slot, digest, offset)
}

// point makes slot name the row at an offset.
func (s *shard) point(slot int, digest *pat.Digest, offset uint64) {
	place := uint32(offset % uint64(len(s.ring)) / 8)
	s.setSlot(slot, s.tag(digest)<<s.placeBits|(place+1))
}

// leave frees slot and moves those after it up that would not be found any
// more.
func (s *shard) leave(slot int) {
	for next := s.after(slot); ; next = s.after(next) {
		value := s.slot(next)
		if value == 0 {
			s.setSlot(slot, 0)
			return
		}
		home := s.home(s.rowIn(value).digest())
		if s.distance(home, next) >= s.distance(slot, next) {
			s.setSlot(slot, value)
			slot = next
		}
	}
}

// distance is how many steps there are from one slot to another.
func (s *shard) distance(from, to int) int {
	if from <= to {
		return to - from
	}
	return to + len(s.index)/4 - from
}

// put keeps the row of f.
func (s *shard) put(f *Found) {
	size := rowSize(f)
	if size > min(maxRow, len(s.ring)/4) {
		return
	}
	if _, _, ok := s.find(&f.digest); ok {
		return // as good: no invalidation came between
	}
	s.makeRoom(size)
	offset := s.claim(size)
	start := offset % uint64(len(s.ring))
	row(s.ring[start : start+uint64(size)]).write(f)
	s.enter(&f.digest, offset)
	s.rows++
}

// maxChances bounds how many rows one that comes may move to the front.
const maxChances = 16

// makeRoom takes rows out until size bytes fit.
func (s *shard) makeRoom(size int) {
	for chances := maxChances; !s.fits(size); {
		r, offset := s.at(s.tail), s.tail
		s.tail += uint64(len(r))
		switch {
		case !r.is(live):
		case r.is(referenced) && chances > 0 && s.fits(len(r)):
			chances--
			s.move(r, offset)
		default:
			s.drop(r)
			s.evicted++
		}
	}
}

// fits reports whether size bytes in one piece are free at the head, or would
// be after a stretch of nothing up to the end of the ring.
func (s *shard) fits(size int) bool {
	free := len(s.ring) - int(s.head-s.tail)
	toEnd := s.toEnd()
	return size <= min(free, toEnd) || size <= free-toEnd
}

func (s *shard) toEnd() int { return len(s.ring) - int(s.head%uint64(len(s.ring))) }

// claim takes size bytes, which fit, at the head.
func (s *shard) claim(size int) (offset uint64) {
	if toEnd := s.toEnd(); size > toEnd {
		row(s.ring[len(s.ring)-toEnd:]).pad(toEnd)
		s.head += uint64(toEnd)
	}
	offset = s.head
	s.head += uint64(size)
	return offset
}

// move puts r, which was the oldest row, at the head. The two places may
// overlap.
func (s *shard) move(r row, from uint64) {
	digest := *r.digest()
	slot := s.slotOf(&digest, from)
	to := s.claim(len(r))
	start := to % uint64(len(s.ring))
	copy(s.ring[start:], r)
	s.at(to).unset(referenced)
	s.point(slot, &digest, to)
}

// slotOf is the slot that names the row at an offset.
func (s *shard) slotOf(digest *pat.Digest, offset uint64) int {
	value := s.tag(digest)<<s.placeBits | (uint32(offset%uint64(len(s.ring))/8) + 1)
	slot := s.home(digest)
	for s.slot(slot) != value {
		slot = s.after(slot)
	}
	return slot
}

// drop takes r out of the index; its bytes are free once the tail has passed
// them.
func (s *shard) drop(r row) {
	_, slot, _ := s.find(r.digest())
	s.leave(slot)
	s.spill(r)
	r.unset(live)
	s.rows--
}

// spill keeps the use of a row that leaves.
func (s *shard) spill(r row) {
	if r.is(dirty) {
		s.spilled.add(use{r.id(), r.stamp()})
	}
}

// clear drops all rows.
func (s *shard) clear() {
	if s.rows > 0 {
		for ; s.tail < s.head; s.tail += uint64(s.at(s.tail).size()) {
			if r := s.at(s.tail); r.is(live) {
				s.spill(r)
			}
		}
		clear(s.index)
	}
	s.tail, s.rows = s.head, 0
}

// collect appends to batch the uses of dirty rows from an offset on, until it
// is full or many rows were seen, and counts them as recorded. next is where
// to go on; more is false at the end.
func (s *shard) collect(from uint64, batch []use) (_ []use, next uint64, more bool) {
	const seenAtOnce = 512 // while others wait
	next = max(from, s.tail)
	for range seenAtOnce {
		if next >= s.head || len(batch) == cap(batch) {
			break
		}
		r := s.at(next)
		if r.is(live) && r.is(dirty) {
			batch = append(batch, use{r.id(), r.stamp()})
			r.unset(dirty)
		}
		next += uint64(len(r))
	}
	return batch, next, next < s.head
}
