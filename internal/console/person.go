package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/session"
)

// person is who is signed in with a session.
type person struct {
	*session.Session
	knowledge
}

// knowledge is what a session keeps, sealed in the store.
type knowledge struct {
	User        signin.User
	Credentials signin.Credentials
	// Organizations are the names of those that the person may choose from.
	Organizations []string
	// Again tells that this session began because the one before did not
	// satisfy the provider or the API any more.
	Again bool
	// Sent are the forms that were acted upon, and Fresh the new tokens whose
	// secrets were not shown yet.
	Sent  []sentForm
	Fresh []freshToken
}

// recognize finds the session of the browser, or that there is none.
func (v *visit) recognize(ctx context.Context) error {
	v.who = nil
	secret := v.console.cookies.read(v.Request, sessionCookie)
	if secret == "" {
		return nil
	}
	s, err := v.console.Sessions.Resume(ctx, secret)
	if errors.Is(err, session.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the session: %w", err)
	}
	p := &person{Session: s}
	if err := json.Unmarshal(s.Data, &p.knowledge); err != nil {
		return nil // another version of this program wrote it: sign in anew
	}
	v.who = p
	return nil
}

// change changes what the visitor's session keeps. Where another request
// changed it meanwhile, change is called again on what that left. It fails
// with [session.ErrNone] where the session has ended.
func (v *visit) change(change func(*knowledge) error) error {
	return v.changeWithin(v.Context(), change)
}

func (v *visit) changeWithin(ctx context.Context, change func(*knowledge) error) error {
	for v.who != nil {
		next := v.who.knowledge
		if err := change(&next); err != nil {
			return err
		}
		data, err := json.Marshal(next)
		if err != nil {
			return fmt.Errorf("keeping the session: %w", err)
		}
		err = v.console.Sessions.Save(ctx, v.who.Session, data)
		if err == nil {
			v.who.knowledge = next
			return nil
		}
		if !errors.Is(err, session.ErrChanged) {
			return fmt.Errorf("keeping the session: %w", err)
		}
		if err := v.recognize(ctx); err != nil {
			return err
		}
	}
	return session.ErrNone
}

// renewAhead is how long an access token must still be good to be used.
const renewAhead = time.Minute

// renewals lets one request a session renew its access token, and the others
// wait for it: many providers take a refresh token once.
type renewals struct {
	mu      sync.Mutex
	running map[session.ID]chan struct{}
}

// accessToken is an access token of the visitor for the API, renewed where it
// is old.
func (v *visit) accessToken(ctx context.Context) (string, error) {
	v.renewal.Lock()
	defer v.renewal.Unlock()
	if v.hasOldToken() {
		if err := v.renewInTurn(ctx); err != nil {
			return "", err
		}
	}
	if v.who == nil {
		return "", session.ErrNone
	}
	return v.who.Credentials.AccessToken, nil
}

func (v *visit) hasOldToken() bool {
	return v.who != nil && v.who.Credentials.Expires.Before(v.console.Now().Add(renewAhead))
}

// renewInTurn renews the access token unless another request does.
func (v *visit) renewInTurn(ctx context.Context) error {
	id := v.who.ID
	for v.hasOldToken() {
		done, mine := v.console.renewal.claim(id)
		if mine {
			defer v.console.renewal.release(id)
			return v.renew(ctx)
		}
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := v.recognize(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *renewals) claim(id session.ID) (done chan struct{}, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done, running := r.running[id]; running {
		return done, false
	}
	if r.running == nil {
		r.running = map[session.ID]chan struct{}{}
	}
	r.running[id] = make(chan struct{})
	return r.running[id], true
}

func (r *renewals) release(id session.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.running[id])
	delete(r.running, id)
}

// renewPatience bounds a renewal.
const renewPatience = 20 * time.Second

// renew replaces the credentials of the visitor's session, once it has looked
// whether another request just did. It goes on where the browser goes away:
// what renews them may be good for one time, and the answer would be lost.
func (v *visit) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewPatience)
	defer cancel()
	if err := v.recognize(ctx); err != nil || !v.hasOldToken() {
		return err
	}
	used := v.who.Credentials.Renewal
	renewed, err := v.console.Provider.Renew(ctx, v.who.Credentials)
	if err != nil {
		return v.renewedElsewhere(ctx, used, err)
	}
	return v.changeWithin(ctx, func(k *knowledge) error {
		k.Credentials = v.console.bounded(renewed)
		return nil
	})
}

// renewedElsewhere is nil where err only means that another node renewed the
// credentials first.
func (v *visit) renewedElsewhere(ctx context.Context, used []byte, err error) error {
	if e, ok := errors.AsType[*signin.Error](err); !ok || e.Reason != signin.ReasonInteraction {
		return err
	}
	who := v.who
	if lookup := v.recognize(ctx); lookup != nil {
		return lookup
	}
	if v.who == nil || !bytes.Equal(v.who.Credentials.Renewal, used) {
		return nil
	}
	v.who = who
	return err
}

// assumedLife is how long an access token is used whose provider does not say
// when it ends.
const assumedLife = 5 * time.Minute

// bounded are credentials whose access token ends at a known time.
func (c *Console) bounded(credentials signin.Credentials) signin.Credentials {
	if credentials.Expires.IsZero() {
		credentials.Expires = c.Now().Add(assumedLife)
	}
	return credentials
}
