package pat

// ScopeSet is a set of scopes of one catalogue, by their indexes there. It
// holds no pointers, so that millions of them cost the garbage collector
// nothing.
type ScopeSet [4]uint64

// maxScopes is how many scopes a catalogue can have.
const maxScopes = 64 * len(ScopeSet{})

// With is s and the scope with that index.
func (s ScopeSet) With(index int) ScopeSet {
	s[index/64] |= 1 << (index % 64)
	return s
}

// Contains reports whether every scope of other is in s.
func (s ScopeSet) Contains(other ScopeSet) bool {
	for i := range s {
		if other[i]&^s[i] != 0 {
			return false
		}
	}
	return true
}

func (s ScopeSet) union(other ScopeSet) ScopeSet {
	for i := range s {
		s[i] |= other[i]
	}
	return s
}

// upTo is s and the scopes with the first n indexes.
func (s ScopeSet) upTo(n int) ScopeSet {
	for i := range n {
		s = s.With(i)
	}
	return s
}
