package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

const (
	// wellKnown is where OpenID Connect Discovery section 4 puts the document.
	wellKnown    = "/.well-known/openid-configuration"
	fetchTimeout = 10 * time.Second
	maxDocument  = 512 << 10
	maxRedirects = 3
)

// remote fetches what issuers publish.
type remote struct{ http http.Client }

func newRemote(client *http.Client) *remote {
	r := &remote{}
	if client != nil {
		r.http = *client
	}
	if r.http.Timeout <= 0 || r.http.Timeout > fetchTimeout {
		r.http.Timeout = fetchTimeout
	}
	r.http.Jar = nil
	r.http.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects || next.URL.Scheme != via[0].URL.Scheme || next.URL.Host != via[0].URL.Host {
			return errors.New("it redirects to another host, or too often: configure the address that it leads to")
		}
		return nil
	}
	return r
}

// keys fetches the key set of source, all of it within fetchTimeout.
func (r *remote) keys(ctx context.Context, source keySource) (*keyRing, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	address := source.keysURL
	if address == "" {
		found, err := r.discover(ctx, source)
		if err != nil {
			return nil, fmt.Errorf("discovering them: %w", err)
		}
		address = found
	}
	text, err := r.get(ctx, address)
	if err != nil {
		return nil, err
	}
	return parseKeyRing(text, source)
}

// discover asks for the address of the key set.
func (r *remote) discover(ctx context.Context, source keySource) (string, error) {
	text, err := r.get(ctx, source.discovery)
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return "", fmt.Errorf("%s is no discovery document: check the issuer's address", source.discovery)
	}
	if !source.is(document.Issuer) {
		return "", fmt.Errorf("%s names the issuer %q instead of %q: configure the issuer as it calls itself", source.discovery, document.Issuer, source.issuer)
	}
	if _, err := checkURL(document.KeysURL, source.loopback); err != nil {
		return "", fmt.Errorf("the address of the key set: %w", err)
	}
	return document.KeysURL, nil
}

// get fetches a JSON document of reasonable size and depth.
func (r *remote) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", address, err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := r.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", address, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", address, err)
	case len(text) > maxDocument:
		return nil, fmt.Errorf("%s is larger than the %d bytes that are accepted", address, maxDocument)
	case tooDeep(text):
		return nil, fmt.Errorf("%s nests too deeply", address)
	}
	return text, nil
}
