package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (s *site) startDevice(t *testing.T) response {
	t.Helper()
	got := s.post(t, "/"+tenant+"/oauth2/v2.0/devicecode", url.Values{"client_id": {publicID}, "scope": {adoScope + " openid offline_access"}})
	if got.StatusCode != http.StatusOK {
		t.Fatalf("answer = %v, want a device code", got)
	}
	return got
}

// pollForm polls as MSAL for Python does: without scope, and with the code twice.
func pollForm(device response) url.Values {
	code := device.JSON["device_code"].(string)
	return url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
		"client_id":  {publicID}, "device_code": {code}, "code": {code}, "client_info": {"1"},
	}
}

func TestDeviceApproved(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	device := s.startDevice(t)
	userCode := device.JSON["user_code"].(string)
	poll := pollForm(device)

	checkRefused(t, s.token(t, poll), 400, "authorization_pending", 70016)
	checkRefused(t, s.token(t, poll), 400, "slow_down", 70016)
	s.clock.advance(time.Second)
	checkRefused(t, s.token(t, poll), 400, "authorization_pending", 70016)
	checkRefused(t, s.token(t, with(pollForm(device), "client_id", otherPublicID)), 400, "invalid_grant", 70000)

	typed := strings.ToLower(userCode[:4] + "-" + userCode[4:])
	if err := s.browser().ApproveDevice(t.Context(), device.JSON["verification_uri"].(string), typed, alice.Username); err != nil {
		t.Fatal(err)
	}
	got := s.checkTokens(t, poll).JSON
	for _, name := range []string{"access_token", "refresh_token", "id_token", "client_info"} {
		if got[name] == nil {
			t.Errorf("the response has no %s", name)
		}
	}
	checkRefused(t, s.token(t, poll), 400, "expired_token", 70020)
	if got := s.get(t, device.JSON["verification_uri_complete"].(string)); got.StatusCode != http.StatusBadRequest {
		t.Errorf("opening a used code = %d, want 400", got.StatusCode)
	}
}

func TestDeviceDeclined(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	device := s.startDevice(t)
	page := s.get(t, device.JSON["verification_uri_complete"].(string))
	got := s.post(t, "/"+tenant+"/login", url.Values{"ctx": {pageContext(t, page)}, "cancel": {"1"}})
	if got.StatusCode != http.StatusOK || !strings.Contains(got.Text, "cancelled") {
		t.Errorf("cancelling = %d, want a page that says so", got.StatusCode)
	}
	checkRefused(t, s.token(t, pollForm(device)), 400, "authorization_declined", 65004)
	checkRefused(t, s.token(t, pollForm(device)), 400, "expired_token", 70020)
}

func TestDeviceExpires(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	device := s.startDevice(t)
	s.clock.advance(16 * time.Minute)
	checkRefused(t, s.token(t, pollForm(device)), 400, "expired_token", 70020)
	if got := s.get(t, device.JSON["verification_uri_complete"].(string)); got.StatusCode != http.StatusBadRequest {
		t.Errorf("opening an expired code = %d, want 400", got.StatusCode)
	}
}

// TestDeviceAfterRestart holds that a device learns that it must start again.
func TestDeviceAfterRestart(t *testing.T) {
	t.Parallel()
	device := startPlain(t).startDevice(t)
	checkRefused(t, startPlain(t).token(t, pollForm(device)), 400, "expired_token", 70020)
}

func TestDeviceAuthorizationRefusals(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		name   string
		form   url.Values
		status int
		oauth  string
		number int
	}{
		{"no client", url.Values{"scope": {adoScope}}, 400, "invalid_request", 900144},
		{"unknown client", url.Values{"client_id": {"x"}, "scope": {adoScope}}, 400, "unauthorized_client", 700016},
		{"no secret", url.Values{"client_id": {confidentialID}, "scope": {adoScope}}, 401, "invalid_client", 7000218},
		{"no scope", url.Values{"client_id": {publicID}}, 400, "invalid_request", 900144},
		{"bad scope", url.Values{"client_id": {publicID}, "scope": {"/x"}}, 400, "invalid_scope", 70011},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkRefused(t, s.post(t, "/"+tenant+"/oauth2/v2.0/devicecode", test.form), test.status, test.oauth, test.number)
		})
	}
}

func TestDevicePage(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	if got := s.get(t, s.authority()+"/oauth2/deviceauth"); got.StatusCode != 200 || !strings.Contains(got.Text, `name="user_code"`) {
		t.Errorf("device page = %d, want a form", got.StatusCode)
	}
	if got := s.get(t, s.authority()+"/oauth2/deviceauth?user_code=NONSENSE"); got.StatusCode != 400 || !strings.Contains(got.Text, "Check the code") {
		t.Errorf("device page for nonsense = %d, want 400 and the form again", got.StatusCode)
	}
}
