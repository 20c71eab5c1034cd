package pat

import "crypto/rand"

// base62 is the order of digits in checksums and platform data.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// putBase62 writes value into all of dst, most significant digit first,
// dropping what does not fit.
func putBase62(dst []byte, value uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = base62[value%62]
		value /= 62
	}
}

// readBase62 is the inverse of putBase62, for at most ten digits.
func readBase62(digits string) (value uint64, ok bool) {
	for i := range len(digits) {
		digit := base62Digit(digits[i])
		if digit < 0 {
			return 0, false
		}
		value = value*62 + uint64(digit)
	}
	return value, true
}

// base62Digit is the value of a digit, -1 of any other character.
func base62Digit(c byte) int { return int(base62Values[c]) }

var base62Values = func() (values [256]int8) {
	for c := range values {
		values[c] = -1
	}
	for value, c := range []byte(base62) {
		values[c] = int8(value)
	}
	return values
}()

// randomBase62 fills dst with digits, each drawn uniformly: a six-bit number
// over 61 is thrown away, never folded.
func randomBase62(dst []byte) {
	var pool [80]byte
	for len(dst) > 0 {
		rand.Read(pool[:]) // never fails
		for _, b := range pool {
			if b &= 63; b < 62 && len(dst) > 0 {
				dst[0] = base62[b]
				dst = dst[1:]
			}
		}
	}
}
