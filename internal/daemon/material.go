package daemon

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/pat"
)

// material is what a development service keeps for good in its directory:
// ids, passwords and keys. It is shared by every process that uses a copy of
// the directory, so nothing in it names a process.
type material struct {
	Tenant        string            `json:"tenant"`
	Organizations []devOrganization `json:"organizations"`
	Users         []devUser         `json:"users"`
	Clients       devClients        `json:"clients"`
	Verify        devClient         `json:"verify"`
	ServerKey     []byte            `json:"serverKey"`
	SealKey       []byte            `json:"sealKey"`
	SigningKey    []byte            `json:"signingKey"` // PKCS #1
	Authority     authorityMaterial `json:"authority"`
	// ConsoleCertificate is not in directories of old: see complete.
	ConsoleCertificate certificateMaterial `json:"consoleCertificate"`
}

type devOrganization struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

type devUser struct {
	Username   string `json:"username"`
	Password   string `json:"password"`
	ObjectID   string `json:"objectId"`
	Descriptor string `json:"descriptor"`
	Admin      bool   `json:"admin"`
	name       string
}

type devClients struct {
	CLI        devClient `json:"cli"`
	Console    devClient `json:"console"`
	Automation devClient `json:"automation"`
}

type devClient struct {
	ID          string `json:"id"`
	Secret      string `json:"secret,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	// Certificate is a file with a certificate and its private key, in PEM, which
	// is as good as Secret.
	Certificate string `json:"certificate,omitempty"`
}

// devDomain is the tenant's domain name.
const devDomain = "contoso.example"

// people are the users of every development service.
var people = []devUser{
	{Username: "alice@" + devDomain, name: "Alice Example"},
	{Username: "bob@" + devDomain, name: "Bob Example"},
	{Username: "carol@" + devDomain, name: "Carol Example", Admin: true},
}

// knownClients are the public clients of Microsoft's tools, by the names they
// go by.
var knownClients = []devidp.Client{
	{ID: "872cd9fa-d31f-45e0-9eab-6e460a02d1f1", Name: "Git and Artifacts tools"},
	{ID: "04b07795-8ddb-461a-bbee-02f9e1bf7b46", Name: "Azure CLI"},
	{ID: "04f0c124-f2bc-4f59-8241-bf6df9866bbd", Name: "ado-pat"},
}

// loadMaterial reads the material of dir, or makes and keeps it.
func loadMaterial(dir string) (material, error) {
	path := filepath.Join(dir, "material.json")
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		m, err := newMaterial()
		if err != nil {
			return material{}, err
		}
		return m, writeJSON(path, m)
	}
	if err != nil {
		return material{}, fmt.Errorf("reading the directory's keys: %w", err)
	}
	var m material
	if err := json.Unmarshal(data, &m); err != nil {
		return material{}, fmt.Errorf("%s is broken: restore it, or remove the whole directory to start afresh", path)
	}
	if complete, err := m.complete(); err != nil || complete {
		return m, err
	}
	return m, writeJSON(path, m)
}

// complete makes what m lacks since a former version wrote it, and reports
// whether that was nothing.
func (m *material) complete() (was bool, err error) {
	if m.ConsoleCertificate.Key != nil {
		return true, nil
	}
	m.ConsoleCertificate, err = newConsoleCertificate(authorityLife)
	return false, err
}

func newMaterial() (material, error) {
	signing, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return material{}, fmt.Errorf("making a signing key: %w", err)
	}
	authority, err := newAuthority()
	if err != nil {
		return material{}, err
	}
	newID := func() string { return pat.RandomUUID().String() }
	m := material{
		Tenant:        newID(),
		Organizations: []devOrganization{{"contoso", newID()}, {"fabrikam", newID()}},
		Clients: devClients{
			CLI:        devClient{ID: newID()},
			Console:    devClient{ID: newID(), Secret: rand.Text()},
			Automation: devClient{ID: newID(), Secret: rand.Text()},
		},
		Verify:     devClient{ID: newID(), Secret: rand.Text()},
		ServerKey:  randomBytes(32),
		SealKey:    randomBytes(32),
		SigningKey: x509.MarshalPKCS1PrivateKey(signing),
		Authority:  authority,
	}
	if _, err := m.complete(); err != nil {
		return material{}, err
	}
	for _, user := range people {
		id := pat.RandomUUID()
		user.ObjectID, user.Descriptor = id.String(), pat.Actor{ID: id}.Descriptor()
		user.Password = rand.Text()
		m.Users = append(m.Users, user)
	}
	return m, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// writeJSON replaces the file at path.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", filepath.Base(path), err)
	}
	return replaceFile(path, append(data, '\n'))
}
