package pat

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// C3ID is the identifier by which companies report a leaked secret to each
// other without showing it (crossCompanyCorrelatingId in the Azure DevOps
// API): the first 15 bytes of a hash of its hash, 20 characters in base64.
func C3ID(secret Secret) (id [15]byte) { return correlate(secret.Reveal()) }

func correlate(text string) (id [15]byte) {
	inner := sha256.Sum256([]byte(text))
	outer := sha256.Sum256([]byte("CrossMicrosoftCorrelatingId:" + strings.ToUpper(hex.EncodeToString(inner[:]))))
	copy(id[:], outer[:])
	return id
}
