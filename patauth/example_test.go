package patauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/patrolhq/patrol/patauth"
)

// configuration asks a small Patrol in memory that knows one token, alice's,
// which grants vso.packaging in contoso.
func configuration() (config patauth.Config, stop func()) {
	server := httptest.NewServer(new(patrol))
	return patauth.Config{
		IntrospectionURL: server.URL, // or https://patrol.example/oauth2/introspect
		ClientID:         "packages",
		ClientSecret:     "read-from-a-file",
		Organization:     "contoso",
	}, server.Close
}

func Example() {
	config, stop := configuration()
	defer stop()
	auth, err := patauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /packages/{name}", auth.Require("vso.packaging")(http.HandlerFunc(download)))
	mux.Handle("PUT /packages/{name}", auth.Require("vso.packaging_write")(http.HandlerFunc(upload)))
	service := httptest.NewServer(mux)
	defer service.Close()

	get := func(method, pat string) {
		r, _ := http.NewRequest(method, service.URL+"/packages/left-pad", nil)
		if pat != "" {
			r.SetBasicAuth("", pat) // as git, curl -u and npm do
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		response.Body.Close()
		fmt.Println(method, response.StatusCode)
	}
	get("GET", goodPAT)
	get("GET", "")
	get("PUT", goodPAT)
	// Output:
	// left-pad for alice@contoso.example
	// GET 200
	// GET 401
	// PUT 403
}

func download(_ http.ResponseWriter, r *http.Request) {
	identity, _ := patauth.FromContext(r.Context())
	fmt.Println(r.PathValue("name"), "for", identity.Username)
}

func upload(http.ResponseWriter, *http.Request) {}

// Where the organization is part of the path, each request is judged for the
// one that it names.
func ExampleAuthenticator_In() {
	config, stop := configuration()
	defer stop()
	auth, err := patauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	var download http.Handler = http.HandlerFunc(download)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{organization}/packages/{name}", func(w http.ResponseWriter, r *http.Request) {
		auth.In(r.PathValue("organization")).Require("vso.packaging")(download).ServeHTTP(w, r)
	})

	for _, path := range []string{"/contoso/packages/left-pad", "/fabrikam/packages/left-pad"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+goodPAT)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// left-pad for alice@contoso.example
	// 200
	// 403
}

// Check is for services that speak something else than HTTP.
func ExampleAuthenticator_Check() {
	config, stop := configuration()
	defer stop()
	auth, err := patauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	identity, err := auth.Check(context.Background(), goodPAT, "vso.packaging")
	fmt.Println(identity.Username, err)

	_, err = auth.Check(context.Background(), goodPAT, "vso.build")
	if patauth.KindOf(err) == patauth.KindForbidden {
		fmt.Println(err)
	}
	// Output:
	// alice@contoso.example <nil>
	// the personal access token is valid, but not for this: a token with scope vso.build for organization "contoso" is needed
}

// Why requests were not let through belongs in the log; that Patrol could not
// be asked, in front of whoever is on duty.
func ExampleConfig_onRefusal() {
	config, stop := configuration()
	stop() // Patrol is away
	config.OnRefusal = func(r *http.Request, err *patauth.Error) {
		fmt.Println(r.Method, r.URL.Path, err.Kind)
	}
	auth, err := patauth.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("GET", "/packages/left-pad", nil)
	r.Header.Set("Authorization", "Bearer "+goodPAT)
	w := httptest.NewRecorder()
	auth.Require("vso.packaging")(http.HandlerFunc(download)).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Retry-After"))
	// Output:
	// GET /packages/left-pad unavailable
	// 503 3
}

// A handler is tested without Patrol.
func ExampleNewContext() {
	alice := patauth.Identity{Username: "alice@contoso.example"}
	r := httptest.NewRequest("GET", "/packages/left-pad", nil)
	r.SetPathValue("name", "left-pad")
	download(httptest.NewRecorder(), r.WithContext(patauth.NewContext(r.Context(), alice)))
	// Output:
	// left-pad for alice@contoso.example
}
