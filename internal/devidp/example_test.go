package devidp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/patrolhq/patrol/internal/devidp"
)

// A test gets an access token without a browser.
func ExampleNew() {
	signingKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	sealKey := make([]byte, 32)
	if _, err := rand.Read(sealKey); err != nil {
		log.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	provider, err := devidp.New(devidp.Config{
		BaseURL:    "http://" + server.Listener.Addr().String(),
		Tenant:     "6f1c2b8e-3d4a-4f5b-9c6d-7e8f90a1b2c3",
		SigningKey: signingKey,
		SealKey:    sealKey,
		Clients:    []devidp.Client{{ID: "04b07795-8ddb-461a-bbee-02f9e1bf7b46", Name: "Command line"}},
		Users: []devidp.User{{
			ObjectID: "a0000000-0000-4000-8000-00000000000a", Username: "alice@contoso.example", Password: "for tests", Name: "Alice",
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	defer server.Close()

	resp, err := http.PostForm(server.URL+"/organizations/oauth2/v2.0/token", url.Values{
		"grant_type": {"password"},
		"client_id":  {"04b07795-8ddb-461a-bbee-02f9e1bf7b46"},
		"username":   {"alice@contoso.example"},
		"password":   {"for tests"},
		"scope":      {devidp.DefaultAudience + "/vso.pats"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		TokenType string `json:"token_type"`
		Scope     string `json:"scope"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, answer.TokenType, answer.Scope)
	// Output: 200 Bearer 499b84ac-1321-427f-aa17-267ca6975798/vso.pats
}
