package verify

import (
	"runtime"
	"sync/atomic"

	"github.com/patrolhq/patrol/internal/pat"
)

// shards is how many locks the cache has.
const shards = 64

// The bounds of a cache, in bytes.
const (
	DefaultCacheSize = 64 << 20
	MinCacheSize     = 1 << 20
	MaxCacheSize     = 64 << 30
)

// Cache keeps what is known of tokens that were presented lately, by the
// digests of their secrets. Its memory is bounded, and taken from the system
// only as it fills. It is safe for concurrent use.
//
// What it keeps was read under one epoch of the node's lease and is given out
// only under that one.
type Cache struct {
	shards  [shards]shard
	spilled spillway
	size    int
	// hits and misses count look-ups.
	hits, misses atomic.Int64
}

// NewCache makes an empty cache that takes up to size bytes, all told: those
// within the bounds that are nearest. 0 means [DefaultCacheSize].
func NewCache(size int) *Cache {
	if size == 0 {
		size = DefaultCacheSize
	}
	size = int(max(MinCacheSize, min(int64(size), MaxCacheSize)))
	memory, free := allocate(size)
	c := &Cache{size: size}
	for i := range c.shards {
		part := size / shards
		c.shards[i].init(memory[i*part:(i+1)*part], &c.spilled)
	}
	runtime.AddCleanup(c, func(free func()) { free() }, free)
	return c
}

// Invalidate drops what is known of a token and of what is being read of it
// now. It is done when it returns.
func (c *Cache) Invalidate(digest pat.Digest) {
	s := c.shard(&digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	if r, _, ok := s.find(&digest); ok {
		s.drop(r)
	}
}

// Clear drops everything, and what is being read now.
func (c *Cache) Clear() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.generation++
		s.clear()
		s.mu.Unlock()
	}
}

func (c *Cache) shard(digest *pat.Digest) *shard {
	return &c.shards[digest[8]%shards]
}

// get finds the row of f's digest and puts it into f, with the epoch under
// which it was read.
func (c *Cache) get(f *Found) (epoch uint64, ok bool) {
	s := c.shard(&f.digest)
	s.mu.Lock()
	r, _, ok := s.find(&f.digest)
	if ok {
		r.read(f)
		if !r.is(referenced) {
			r.set(referenced)
		}
		epoch = s.epoch
	}
	s.mu.Unlock()
	if ok {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
	return epoch, ok
}

// generation is how often anything near digest was invalidated.
func (c *Cache) generation(digest *pat.Digest) uint64 {
	s := c.shard(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

// put keeps f, which was read under epoch, unless something near it was
// invalidated after generation was asked for.
func (c *Cache) put(f *Found, epoch, generation uint64) {
	s := c.shard(&f.digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != generation {
		return
	}
	if s.epoch != epoch {
		s.clear()
		s.epoch = epoch
	}
	s.put(f)
}

// use makes u the last use of a token, to be recorded by [Uses].
func (c *Cache) use(digest *pat.Digest, u use) {
	s := c.shard(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, _, ok := s.find(digest); ok {
		r.mark(u.stamp)
		return
	}
	c.spilled.add(u)
}

// rows is how many tokens are kept.
func (c *Cache) rows() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.rows
		s.mu.Unlock()
	}
	return n
}

// evicted is how many left to make room for others.
func (c *Cache) evicted() (n int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.evicted
		s.mu.Unlock()
	}
	return n
}
