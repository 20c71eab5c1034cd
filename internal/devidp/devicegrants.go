package devidp

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	// devicesWaiting bounds how many sign-ins of devices are remembered.
	devicesWaiting = 1 << 12

	// userCodeAlphabet has no vowels and nothing that looks like something else
	// (RFC 8628 section 6.1).
	userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ23456789"
	userCodeLength   = 9
)

// deviceGrant is a device's sign-in that waits for its user.
type deviceGrant struct {
	ID       string
	UserCode string
	Client   string
	Scope    string
	Expires  time.Time
	Polled   time.Time
	User     string // once approved
	Declined bool
}

// deviceGrants holds the sign-ins of devices by user code.
type deviceGrants struct {
	mu     sync.Mutex
	byCode map[string]*deviceGrant
}

func newDeviceGrants() *deviceGrants {
	return &deviceGrants{byCode: make(map[string]*deviceGrant)}
}

// add remembers a sign-in under a new user code. When there are too many it
// forgets the one that ends first.
func (ds *deviceGrants) add(d deviceGrant) deviceGrant {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if len(ds.byCode) >= devicesWaiting {
		var oldest *deviceGrant
		for _, other := range ds.byCode {
			if oldest == nil || other.Expires.Before(oldest.Expires) {
				oldest = other
			}
		}
		delete(ds.byCode, oldest.UserCode)
	}
	for d.UserCode == "" || ds.byCode[d.UserCode] != nil {
		d.UserCode = newUserCode()
	}
	ds.byCode[d.UserCode] = &d
	return d
}

// newUserCode draws a code of about 43 bits that people can type.
func newUserCode() string {
	const limit = 256 - 256%len(userCodeAlphabet)
	code := make([]byte, 0, userCodeLength)
	for random := make([]byte, 1); len(code) < userCodeLength; {
		_, _ = rand.Read(random) // never fails (crypto/rand)
		if int(random[0]) < limit {
			code = append(code, userCodeAlphabet[int(random[0])%len(userCodeAlphabet)])
		}
	}
	return string(code)
}

// find returns the sign-in that waits under a user code.
func (ds *deviceGrants) find(userCode string, now time.Time) (deviceGrant, error) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d, err := ds.waiting(userCode, now)
	if err != nil {
		return deviceGrant{}, err
	}
	return *d, nil
}

// decide records what the person said: the object id of who signed in, or "" for
// a refusal.
func (ds *deviceGrants) decide(userCode, user string, now time.Time) (deviceGrant, error) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d, err := ds.waiting(userCode, now)
	if err != nil {
		return deviceGrant{}, err
	}
	d.User, d.Declined = user, user == ""
	return *d, nil
}

// waiting is called with the lock held.
func (ds *deviceGrants) waiting(userCode string, now time.Time) (*deviceGrant, error) {
	d := ds.byCode[userCode]
	if d == nil || now.After(d.Expires) || d.User != "" || d.Declined {
		return nil, invalidRequest(70018, "That code didn't work. Check the code and try again.")
	}
	return d, nil
}

// poll answers a device. A sign-in that ended, either way, is forgotten.
func (ds *deviceGrants) poll(code deviceCode, now time.Time) (deviceGrant, error) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.byCode[code.UserCode]
	if d == nil || d.ID != code.ID || now.After(d.Expires) {
		return deviceGrant{}, refuse(http.StatusBadRequest, "expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired.")
	}
	// Timers and networks are not exact: only polls at twice the speed are too fast.
	tooFast := now.Sub(d.Polled) < deviceInterval/2
	d.Polled = now
	switch {
	case d.User != "":
		delete(ds.byCode, d.UserCode)
		return *d, nil
	case d.Declined:
		delete(ds.byCode, d.UserCode)
		return deviceGrant{}, refuse(http.StatusBadRequest, "authorization_declined", 65004, "User declined to consent to access the app.")
	case tooFast:
		return deviceGrant{}, refuse(http.StatusBadRequest, "slow_down", 70016, "OAuth 2.0 device flow error. The device polls too fast. Continue polling, more slowly.")
	default:
		return deviceGrant{}, refuse(http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	}
}
