package pat

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
)

// checksumSeed is "Default0" in ASCII, as Microsoft's security-utilities
// library seeds the checksum of identifiable secrets.
const checksumSeed = 0x44656661756c7430

// checksum is the last four characters of a secret whose first 80 are body:
// the Marvin32 hash of the 60 bytes that body is in base64, its four bytes
// read as a big-endian number in base62, padded to six digits, cut to four.
// It finds typing errors; it protects nothing.
func checksum(body *[checksumAt]byte) [4]byte {
	var raw [60]byte
	if _, err := base64.StdEncoding.Decode(raw[:], body[:]); err != nil {
		return [4]byte{} // not base64: no secret ends in zero bytes
	}
	hash := bits.ReverseBytes32(marvin32(raw[:], checksumSeed))
	var digits [6]byte
	n := len(digits)
	for value := hash; value > 0; value /= 62 {
		n--
		digits[n] = base62[value%62]
	}
	sum := [4]byte{'0', '0', '0', '0'}
	copy(sum[:], digits[n:])
	return sum
}

// marvin32 is the Marvin hash of data, its two halves folded by exclusive or.
func marvin32(data []byte, seed uint64) uint32 {
	low, high := uint32(seed), uint32(seed>>32)
	mix := func(word uint32) {
		low += word
		high ^= low
		low = bits.RotateLeft32(low, 20) + high
		high = bits.RotateLeft32(high, 9) ^ low
		low = bits.RotateLeft32(low, 27) + high
		high = bits.RotateLeft32(high, 19)
	}
	for ; len(data) >= 4; data = data[4:] {
		mix(binary.LittleEndian.Uint32(data))
	}
	var tail [4]byte
	tail[copy(tail[:], data)] = 0x80
	mix(binary.LittleEndian.Uint32(tail[:]))
	mix(0)
	return low ^ high
}
