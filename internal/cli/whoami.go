package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
)

func (p *program) whoamiCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show who you are to the service",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.whoami(cmd.Context(), asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// identity is what whoami prints.
type identity struct {
	User         string `json:"user"`
	Name         string `json:"name"`
	ID           string `json:"id"`
	Descriptor   string `json:"descriptor"`
	Tenant       string `json:"tenant"`
	Server       string `json:"server"`
	Organization string `json:"organization"`
	Profile      string `json:"profile"`
	// TokenExpires is when the access token ends; patrol renews it by itself
	// unless it came from PATROL_TOKEN.
	TokenExpires *api.Time `json:"tokenExpires"`
	// Storage is keyring, file or environment.
	Storage string `json:"storage"`
}

func (p *program) whoami(ctx context.Context, asJSON bool) error {
	s, err := p.connect()
	if err != nil {
		return err
	}
	data, err := s.ConnectionData(ctx)
	if err != nil {
		return err
	}
	token, err := s.Token(ctx)
	if err != nil {
		return err
	}
	claims := readClaims(token)
	who := data.AuthenticatedUser
	id := identity{
		User: who.Properties["Account"].Value, Name: who.ProviderDisplayName, ID: who.ID,
		Descriptor: who.SubjectDescriptor, Tenant: claims.Tenant,
		Server: s.target.Server, Organization: s.target.Organization, Profile: s.target.name,
		Storage: p.storage(s.target),
	}
	if claims.Expires > 0 {
		id.TokenExpires = &api.Time{Time: time.Unix(claims.Expires, 0).UTC()}
	}
	if asJSON {
		return p.out.json(id)
	}
	fields := []field{
		{"user", text(id.User)},
		{"name", text(id.Name)},
		{"id", text(id.ID)},
		{"descriptor", text(id.Descriptor)},
		{"tenant", text(id.Tenant)},
		{"server", text(id.Server)},
		{"organization", text(id.Organization)},
		{"profile", text(id.Profile)},
		{"storage", text(id.Storage)},
	}
	if id.TokenExpires != nil {
		fields = append(fields, field{"token expires", cell{plain: utc(*id.TokenExpires), shown: relative(id.TokenExpires.Time, p.now())}})
	}
	return p.out.fields(fields)
}

// storage is where the access token comes from.
func (p *program) storage(t target) string {
	if p.givenToken() != "" {
		return "environment"
	}
	if _, key, err := p.vault().load(t.name); err == nil && key != nil {
		return "keyring"
	}
	return "file"
}

type claims struct {
	Tenant  string `json:"tid"`
	Expires int64  `json:"exp"`
}

// readClaims reads an access token without verifying it, to show what it says:
// the service has accepted it. Tokens of a kind that we cannot read say nothing.
func readClaims(token string) claims {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(data, &c) != nil {
		return claims{}
	}
	return c
}
