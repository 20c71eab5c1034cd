package pat

import "testing"

func BenchmarkMint(b *testing.B) {
	ring := testKeyring(b)
	b.ReportAllocs()
	for b.Loop() {
		ring.mint(4711, testTime)
	}
}

func BenchmarkParseAndMinted(b *testing.B) {
	ring := testKeyring(b)
	minted, _ := ring.mint(4711, testTime)
	text := minted.Reveal()
	b.ReportAllocs()
	for b.Loop() {
		secret, err := ParseSecret(text)
		if err != nil || !ring.Minted(secret) {
			b.Fatal("a minted secret is refused")
		}
	}
}

func BenchmarkIdentify(b *testing.B) {
	ring := testKeyring(b)
	minted, _ := ring.mint(4711, testTime)
	text := minted.Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := ring.Identify(text); !ok {
			b.Fatal("a minted secret is refused")
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	ring := testKeyring(b)
	secret, _ := ring.mint(4711, testTime)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ring.Digest(secret); !ok {
			b.Fatal("the key is not known")
		}
	}
}

func BenchmarkSealed(b *testing.B) {
	ring := testKeyring(b)
	token := sealedToken(ring)
	b.ReportAllocs()
	for b.Loop() {
		if !ring.Sealed(token) {
			b.Fatal("the seal is broken")
		}
	}
}
