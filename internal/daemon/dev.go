package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/identity"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/verify"
)

// DevOptions are the flags of patrold dev. The zero value is usable.
type DevOptions struct {
	// Listen is the API's address, "127.0.0.1:8080" by default, IDPListen the
	// identity provider's, "127.0.0.1:8081". Port 0 means any.
	Listen, IDPListen string
	// MetricsListen is the address of the metrics; "" serves none.
	MetricsListen string
	// Data is the directory for everything that is kept, "./.patrol" by
	// default.
	Data string
	// Database is the tokens' database, "sqlite:PATH" or "postgres://…", where a
	// password may stand; by default a file in Data.
	Database string
	// TLS serves both over HTTPS, with a certificate authority made in Data.
	TLS bool
	// RegisterRedirects are redirect URIs that other web applications use to
	// sign in as the console's client.
	RegisterRedirects []string
	// ConsoleCertificate has the console prove itself to the identity provider
	// with its certificate instead of its secret.
	ConsoleCertificate bool
	// AccessTokenLife is an hour by default.
	AccessTokenLife time.Duration
	// VerifyCache is how many bytes remembered tokens may take, 64 MiB by
	// default.
	VerifyCache int
	// Log receives what happens; nil discards.
	Log *slog.Logger
}

// Dev is a running development service.
type Dev struct {
	// Info is what dev.json says, File where it is.
	Info DevInfo
	File string
	d    *daemon
}

// DevInfo is dev.json: where the service is and who can sign in. Tools rely
// on its shape.
type DevInfo struct {
	API           string            `json:"api"`
	Console       string            `json:"console"`
	IDP           string            `json:"idp"`
	Tenant        string            `json:"tenant"`
	Authority     string            `json:"authority"`
	Audience      string            `json:"audience"`
	Organizations []devOrganization `json:"organizations"`
	Clients       devClients        `json:"clients"`
	Users         []devUser         `json:"users"`
	// CAFile is the certificate to trust, "" without TLS.
	CAFile string     `json:"ca_file"`
	Verify verifyInfo `json:"verify"`
	// Metrics is the URL of the metrics, absent without them.
	Metrics string `json:"metrics,omitempty"`
}

type verifyInfo struct {
	URL        string    `json:"url"`
	Introspect string    `json:"introspect"`
	Client     devClient `json:"client"`
}

// StartDev starts the service and its identity provider, writes dev.json, and
// returns once both answer.
func StartDev(ctx context.Context, o DevOptions) (*Dev, error) {
	o = o.withDefaults()
	if err := makeData(o.Data); err != nil {
		return nil, err
	}
	m, err := loadMaterial(o.Data)
	if err != nil {
		return nil, err
	}
	l, err := o.open(m)
	if err != nil {
		return nil, err
	}
	dev, err := start(ctx, o, m, l)
	if err != nil {
		l.close()
		return nil, err
	}
	return dev, nil
}

// Wait blocks until ctx ends or a listener fails, then drains.
func (dev *Dev) Wait(ctx context.Context) error { return dev.d.wait(ctx) }

func (o DevOptions) withDefaults() DevOptions {
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:8080")
	o.IDPListen = cmp.Or(o.IDPListen, "127.0.0.1:8081")
	o.Data = cmp.Or(o.Data, ".patrol")
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// listeners are the two open ports and the URLs by which they are reached.
type listeners struct {
	api, idp       net.Listener
	metrics        net.Listener // nil without metrics
	apiURL, idpURL string
}

func (l listeners) close() {
	l.api.Close()
	l.idp.Close()
	if l.metrics != nil {
		l.metrics.Close()
	}
}

// open listens on both addresses, with TLS where that is asked for.
func (o DevOptions) open(m material) (l listeners, err error) {
	if l.api, err = net.Listen("tcp", o.Listen); err != nil {
		return l, fmt.Errorf("listening for the API: %w; another --listen may be free, and port 0 is any that is", err)
	}
	if l.idp, err = net.Listen("tcp", o.IDPListen); err != nil {
		l.api.Close()
		return l, fmt.Errorf("listening for the identity provider: %w; another --idp-listen may be free, and port 0 is any that is", err)
	}
	if l.metrics, err = listenMetrics(o.MetricsListen); err != nil {
		l.close()
		return l, err
	}
	scheme := "http"
	if o.TLS {
		scheme = "https"
		certificate, err := m.Authority.issue(hostOf(o.Listen), hostOf(o.IDPListen))
		if err != nil {
			l.close()
			return l, err
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		l.api, l.idp = tls.NewListener(l.api, config), tls.NewListener(l.idp, config)
	}
	l.apiURL, l.idpURL = urlOf(scheme, o.Listen, l.api), urlOf(scheme, o.IDPListen, l.idp)
	return l, nil
}

// hostOf is the host by which clients reach an address to listen on.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address) // it was listened on
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

func urlOf(scheme, address string, listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return scheme + "://" + net.JoinHostPort(hostOf(address), port)
}

// start assembles everything on open listeners.
func start(ctx context.Context, o DevOptions, m material, l listeners) (*Dev, error) {
	info, err := describe(o, m, l)
	if err != nil {
		return nil, err
	}
	idp, err := newDevIDP(o, m, l)
	if err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	client, err := trusting(m.Authority.pem())
	if err != nil {
		return nil, err
	}
	s, err := devSetup(o, m, l, client)
	if err != nil {
		return nil, err
	}
	verifier, err := identity.New(identity.Config{Issuers: s.issuers, HTTP: client, Log: o.Log})
	if err != nil {
		return nil, err
	}
	where, err := o.database()
	if err != nil {
		return nil, err
	}
	db, missing, err := where.open(ctx, s.keyring, o.Log)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		db.Close()
		return nil, fmt.Errorf("the database was filled under server keys that %s lacks (%q): use the directory that belongs to it", o.Data, missing)
	}
	d, api, err := assemble(s, parts{db: db, verifier: verifier, traces: newTraces(ctx, o.Log), publicURL: l.apiURL, log: o.Log})
	if err != nil {
		db.Close()
		return nil, err
	}
	d.start()
	d.serve(l.idp, idp)
	d.serve(l.api, api)
	d.serveMetrics(l.metrics)
	file := filepath.Join(o.Data, "dev.json")
	if err := writeJSON(file, info); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return &Dev{Info: info, File: file, d: d}, nil
}

// database is what o.Database names.
func (o DevOptions) database() (database, error) {
	if o.Database == "" {
		return database{path: filepath.Join(o.Data, "patrol.db")}, nil
	}
	return parseDatabase(o.Database)
}

// describe is dev.json for this start.
func describe(o DevOptions, m material, l listeners) (DevInfo, error) {
	info := DevInfo{
		API: l.apiURL, Console: l.apiURL + "/", IDP: l.idpURL,
		Tenant: m.Tenant, Authority: l.idpURL + "/" + m.Tenant, Audience: identity.DefaultAudience,
		Organizations: m.Organizations, Clients: m.Clients, Users: m.Users,
		Verify: verifyInfo{URL: l.apiURL + "/verify", Introspect: l.apiURL + "/oauth2/introspect", Client: m.Verify},
	}
	if l.metrics != nil {
		info.Metrics = urlOf("http", o.MetricsListen, l.metrics) + "/metrics"
	}
	var err error
	if info.Clients.Console, err = describeConsole(o, m, l); err != nil {
		return DevInfo{}, err
	}
	if o.TLS {
		info.CAFile = filepath.Join(o.Data, "ca.pem")
		if err := os.WriteFile(info.CAFile, m.Authority.pem(), 0o644); err != nil {
			return DevInfo{}, fmt.Errorf("writing the certificate authority: %w", err)
		}
		absolute, err := filepath.Abs(info.CAFile)
		if err != nil {
			return DevInfo{}, fmt.Errorf("finding the certificate authority: %w", err)
		}
		info.CAFile = absolute
	}
	return info, nil
}

// newDevIDP makes the identity provider with the seeded users and clients.
func newDevIDP(o DevOptions, m material, l listeners) (http.Handler, error) {
	signing, err := x509.ParsePKCS1PrivateKey(m.SigningKey)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	console, err := devConsoleClient(m, append([]string{l.consoleRedirect()}, o.RegisterRedirects...)...)
	if err != nil {
		return nil, err
	}
	config := devidp.Config{
		BaseURL: l.idpURL, Tenant: m.Tenant, Domain: devDomain, SigningKey: signing, SealKey: m.SealKey,
		AccessTokenLife: o.AccessTokenLife, Log: o.Log,
		Clients: append([]devidp.Client{
			{ID: m.Clients.CLI.ID, Name: "Patrol command line"},
			console,
			{ID: m.Clients.Automation.ID, Secret: m.Clients.Automation.Secret, Name: "automation"},
		}, knownClients...),
	}
	for _, user := range m.Users {
		seeded := devidp.User{ObjectID: user.ObjectID, Username: user.Username, Password: user.Password, Name: displayName(user)}
		if user.Admin {
			seeded.Roles = []string{adminRole}
		}
		config.Users = append(config.Users, seeded)
	}
	return devidp.New(config)
}

// adminRole is the application role of administrators.
const adminRole = "Patrol.Administrator"

func displayName(user devUser) string {
	for _, person := range people {
		if person.Username == user.Username {
			return person.name
		}
	}
	return user.Username
}

// devSetup is what a configuration would give, for development.
func devSetup(o DevOptions, m material, l listeners, client *http.Client) (s setup, err error) {
	if s.keys, err = newKeys("", []pat.ServerKey{{ID: 'A', Secret: m.ServerKey}}); err != nil {
		return s, err
	}
	tenant, err := pat.ParseUUID(m.Tenant)
	if err != nil {
		return s, fmt.Errorf("tenant: %w", err)
	}
	var organizations []pat.Organization
	for _, o := range m.Organizations {
		id, err := pat.ParseUUID(o.ID)
		if err != nil {
			return s, fmt.Errorf("organization %s: %w", o.Name, err)
		}
		organizations = append(organizations, pat.Organization{ID: id, Name: o.Name, Tenant: tenant})
	}
	if s.directory, err = pat.NewDirectory(organizations); err != nil {
		return s, err
	}
	s.scopes = api.AzureDevOpsScopes()
	if s.catalogue, err = newCatalogue(s.scopes); err != nil {
		return s, err
	}
	s.verify.cacheSize = o.VerifyCache
	s.verify.clients = []verify.Client{verify.NewClient(m.Verify.ID, m.Verify.Secret)}
	s.issuers = []identity.Issuer{{Kind: identity.KindEntra, URL: l.idpURL, Tenants: []string{m.Tenant}, Development: true}}
	s.authorization = l.idpURL + "/" + m.Tenant
	s.signIn = api.SignIn{
		Kind: api.SignInOIDC, Authority: s.authorization + "/v2.0",
		Scope: identity.DefaultAudience + "/.default", ClientID: m.Clients.CLI.ID,
	}
	if o.TLS { // Microsoft's libraries insist on HTTPS
		s.signIn.Kind, s.signIn.Authority = api.SignInEntra, s.authorization
	}
	s.console, err = devConsole(o, m, l, s.signIn, client)
	return s, err
}
