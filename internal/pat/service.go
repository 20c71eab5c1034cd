package pat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Service is the lifecycle of tokens. Every method acts for the user who
// calls, on their own tokens in their organization, and refuses callers that
// are no user or lack the permission.
type Service struct {
	Store  Store
	Keys   *Keyring
	Scopes *Catalogue
	Limits Limits
	// Policy is what an organization allows now.
	Policy func(context.Context, Organization) (Policy, error)
	// Neighbours are the other organizations of an organization's tenant; nil
	// means that there are none.
	Neighbours func(Organization) []Organization
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return Instant(time.Now())
	}
	return Instant(s.Now())
}

// Creation is what a caller asks a new token to be.
type Creation struct {
	DisplayName string
	// Scope is a list of names as [Catalogue.Parse] reads it.
	Scope string
	// ValidTo is nil where the service shall decide.
	ValidTo *time.Time
	AllOrgs bool
}

// Create makes a token and its secret, which exists nowhere else once the
// caller has it.
func (s *Service) Create(ctx context.Context, c Caller, asked Creation) (Token, Secret, error) {
	if err := c.may(ManageTokens); err != nil {
		return Token{}, Secret{}, err
	}
	now := s.now()
	t := Token{
		ID: newID(BucketOf(c.ID), now), Owner: c.ID, Tenant: c.Tenant, OwnerName: ownerName(c.Actor), Organization: c.Organization.ID,
		ValidFrom: now, Version: 1,
	}
	if err := s.fill(ctx, &t, c, asked, now); err != nil {
		return Token{}, Secret{}, err
	}
	secret, keyID := s.Keys.mint(t.ID.Bucket(), now)
	t.KeyID = keyID
	t.Digest, _ = s.Keys.Digest(secret) // minted a line above: its key is on the ring
	t.C3ID = C3ID(secret)
	s.Keys.seal(&t)
	if err := s.Store.Create(ctx, t, eventBy(c, ActionCreate, t, now)); err != nil {
		return Token{}, Secret{}, fmt.Errorf("storing a new token: %w", err)
	}
	return t, secret, nil
}

// maxOwnerName is in bytes. RFC 5321 allows addresses of 254.
const maxOwnerName = 320

// ownerName is what is kept of a user name: nothing of one that no service
// could show.
func ownerName(a Actor) string {
	if len(a.Username) > maxOwnerName || !utf8.ValidString(a.Username) || strings.ContainsFunc(a.Username, misprints) {
		return ""
	}
	return a.Username
}

// fill sets on t what was asked, as far as rules and policy admit it.
func (s *Service) fill(ctx context.Context, t *Token, c Caller, asked Creation, now time.Time) (err error) {
	if t.DisplayName, err = parseName(asked.DisplayName); err != nil {
		return err
	}
	terms := Terms{AllOrgs: asked.AllOrgs, ValidTo: now.Add(s.Limits.defaultLifetime())}
	if terms.Scope, err = s.Scopes.Parse(asked.Scope); err != nil {
		return err
	}
	if asked.ValidTo != nil {
		terms.ValidTo = Instant(*asked.ValidTo)
		if err := s.Limits.checkEnd(terms.ValidTo, now, now); err != nil {
			return err
		}
	}
	if err := s.Limits.checkGlobal(terms.AllOrgs, false); err != nil {
		return err
	}
	policies, err := s.policies(ctx, c)
	if err != nil {
		return err
	}
	if terms, err = policies.AdmitNew(c.Actor, terms, now); err != nil {
		return err
	}
	t.Scope, t.ValidTo, t.AllOrgs = terms.Scope, terms.ValidTo, terms.AllOrgs
	return nil
}

// policies reads what bears on a request of c's. It fails closed: where a
// policy cannot be read nothing is admitted.
func (s *Service) policies(ctx context.Context, c Caller) (policies Policies, err error) {
	if policies.Here, err = s.Policy(ctx, c.Organization); err != nil {
		return Policies{}, unreadable(err)
	}
	if s.Neighbours == nil {
		return policies, nil
	}
	for _, neighbour := range s.Neighbours(c.Organization) {
		if !neighbour.Has(c.Actor) {
			continue
		}
		policy, err := s.Policy(ctx, neighbour)
		if err != nil {
			return Policies{}, unreadable(err)
		}
		policies.Elsewhere = append(policies.Elsewhere, policy)
	}
	return policies, nil
}

func unreadable(err error) error {
	return errors.Join(refuse(CodeTenantPolicyUnreadable, "the policies cannot be read now: try again in a moment"), err)
}

// Get is the caller's token with that id.
func (s *Service) Get(ctx context.Context, c Caller, id UUID) (Token, error) {
	if err := c.may(ReadTokens); err != nil {
		return Token{}, err
	}
	t, err := s.Store.Find(ctx, c.ID, id)
	if err != nil {
		return Token{}, fmt.Errorf("reading a token: %w", err)
	}
	if !c.manages(t) {
		return Token{}, NotFound()
	}
	return t, nil
}

// manages reports whether t is one that c can see where c asks. The tenant is
// compared although the store compared the owner: object ids are unique within
// one only.
func (c Caller) manages(t Token) bool {
	return t.Tenant == c.Tenant && t.In(c.Organization.ID)
}

// MaxPage is the largest page of List, and its default.
const MaxPage = 100

// maxWalk is how long a walk over pages may take. The tokens that end during
// it stay where they were, and every page costs more the more they are.
const maxWalk = time.Hour

// List is a page of the caller's tokens in the order of q, of which it sets
// Owner and Organization, the limit where that is not within 1 to [MaxPage],
// and the moment where that is zero. next is where the page after it starts,
// nil after the last.
func (s *Service) List(ctx context.Context, c Caller, q Query) (page []Token, at time.Time, next *Position, err error) {
	if err := c.may(ReadTokens); err != nil {
		return nil, time.Time{}, nil, err
	}
	q.Owner, q.Organization = c.ID, c.Organization.ID
	now := s.now()
	if q.At.IsZero() {
		q.At = now
	}
	if now.Sub(q.At) > maxWalk {
		return nil, time.Time{}, nil, refuse(CodeStalePage, "the continuationToken is more than an hour old: start over without it")
	}
	if q.Limit < 1 {
		q.Limit = 1
	}
	q.Limit = min(q.Limit, MaxPage)
	limit := q.Limit
	q.Limit++ // one more tells whether a page follows
	page, err = s.Store.List(ctx, q)
	if err != nil {
		return nil, time.Time{}, nil, fmt.Errorf("listing tokens: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		last := PositionOf(page[limit-1], q.At)
		next = &last
	}
	page = slices.DeleteFunc(page, func(t Token) bool { return !c.manages(t) })
	return page, q.At, next, nil
}

// Change is what a caller asks of a token that exists; nil stays as it is.
type Change struct {
	DisplayName *string
	Scope       *string
	ValidTo     *time.Time
	AllOrgs     *bool
}

// Update changes the caller's token. The secret and the moment of creation
// stay. A token becomes this organization's when it stops being one for all.
func (s *Service) Update(ctx context.Context, c Caller, id UUID, asked Change) (Token, error) {
	if err := c.may(ManageTokens); err != nil {
		return Token{}, err
	}
	policies, err := s.policies(ctx, c)
	if err != nil {
		return Token{}, err
	}
	now := s.now()
	t, err := s.Store.Update(ctx, c.ID, id, func(t Token) (Token, *Event, error) {
		changed, err := s.change(t, c, asked, policies, now)
		if err != nil || sameContent(t, changed) {
			return t, nil, err
		}
		s.Keys.seal(&changed)
		event := eventBy(c, ActionUpdate, changed, now)
		return changed, &event, nil
	})
	if err != nil {
		return Token{}, fmt.Errorf("changing a token: %w", err)
	}
	return t, nil
}

// change is t with what was asked, as far as rules and policy admit it.
func (s *Service) change(t Token, c Caller, asked Change, policies Policies, now time.Time) (_ Token, err error) {
	if !c.manages(t) {
		return Token{}, NotFound()
	}
	if t.StateAt(now) == Revoked {
		return Token{}, refuse(CodeInvalidToken, "the token is revoked, which is for good: create a new one")
	}
	if !s.Keys.Sealed(t) {
		return Token{}, fmt.Errorf("token %s: its seal is broken: somebody wrote to the database, or a server key is missing", t.ID)
	}
	if asked.DisplayName != nil {
		if t.DisplayName, err = parseName(*asked.DisplayName); err != nil {
			return Token{}, err
		}
	}
	held := Terms{Scope: t.Scope, ValidTo: t.ValidTo, AllOrgs: t.AllOrgs}
	terms := held
	if asked.Scope != nil {
		if terms.Scope, err = s.Scopes.Parse(*asked.Scope); err != nil {
			return Token{}, err
		}
	}
	if asked.ValidTo != nil && !Instant(*asked.ValidTo).Equal(t.ValidTo) {
		if t.StateAt(now) == Expired {
			return Token{}, refuse(CodeExpired, "the token has expired and cannot be extended: create a new one")
		}
		terms.ValidTo = Instant(*asked.ValidTo)
		if err := s.Limits.checkEnd(terms.ValidTo, t.ValidFrom, now); err != nil {
			return Token{}, err
		}
	}
	if asked.AllOrgs != nil {
		terms.AllOrgs = *asked.AllOrgs
		if err := s.Limits.checkGlobal(terms.AllOrgs, t.AllOrgs); err != nil {
			return Token{}, err
		}
	}
	if terms, err = policies.AdmitChange(c.Actor, held, terms, t.ValidFrom); err != nil {
		return Token{}, err
	}
	if t.AllOrgs && !terms.AllOrgs {
		t.Organization = c.Organization.ID
	}
	t.Scope, t.ValidTo, t.AllOrgs = terms.Scope, terms.ValidTo, terms.AllOrgs
	return t, nil
}

func sameContent(a, b Token) bool {
	return a.DisplayName == b.DisplayName && a.Scope == b.Scope && a.ValidTo.Equal(b.ValidTo) &&
		a.AllOrgs == b.AllOrgs && a.Organization == b.Organization
}

// Revoke ends the caller's token for good. When it has returned nil the token
// is dead; revoking it again changes nothing.
func (s *Service) Revoke(ctx context.Context, c Caller, id UUID) error {
	if err := c.may(ManageTokens); err != nil {
		return err
	}
	now := s.now()
	_, err := s.Store.Update(ctx, c.ID, id, func(t Token) (Token, *Event, error) {
		if !c.manages(t) {
			return Token{}, nil, NotFound()
		}
		if !t.RevokedAt.IsZero() {
			return t, nil, nil
		}
		t.RevokedAt = now
		event := eventBy(c, ActionRevoke, t, now)
		return t, &event, nil
	})
	if err != nil {
		return fmt.Errorf("revoking a token: %w", err)
	}
	return nil
}

// sweepBatch bounds one transaction of Sweep.
const sweepBatch = 500

// Sweep records the expiry of every token that ended by now and returns how
// many there were. Nothing depends on it being in time but the audit log.
func (s *Service) Sweep(ctx context.Context) (swept int, err error) {
	now := s.now()
	for {
		n, err := s.Store.Expire(ctx, now, sweepBatch, func(t Token) Event { return eventOf(ActionExpire, t, now) })
		swept += n
		if err != nil {
			return swept, fmt.Errorf("recording expired tokens: %w", err)
		}
		if n < sweepBatch {
			return swept, nil
		}
	}
}
