package pat

import "time"

// Policies are those that bear on a request.
type Policies struct {
	// Here is the policy of the organization in which the request is made.
	Here Policy
	// Elsewhere are those of the other organizations that the actor belongs
	// to. A token for all organizations must satisfy them too, or the most
	// lenient organization would decide for all.
	Elsewhere []Policy
}

// AdmitNew is [Policy.AdmitNew] of every policy that bears on the token.
func (p Policies) AdmitNew(actor Actor, asked Terms, now time.Time) (Terms, error) {
	asked, err := p.Here.AdmitNew(actor, asked, now)
	if err != nil {
		return Terms{}, err
	}
	return p.admitElsewhere(actor, Terms{}, asked, now)
}

// AdmitChange is [Policy.AdmitChange] of every policy that bears on the token.
// A token for all organizations that shall become this one's own is judged as
// a new one: other organizations' leniency ends here.
func (p Policies) AdmitChange(actor Actor, held, asked Terms, created time.Time) (Terms, error) {
	if held.AllOrgs && !asked.AllOrgs {
		return p.Here.AdmitNew(actor, asked, created)
	}
	asked, err := p.Here.AdmitChange(actor, held, asked, created)
	if err != nil {
		return Terms{}, err
	}
	if !held.AllOrgs {
		held = Terms{} // elsewhere it was nothing yet
	}
	return p.admitElsewhere(actor, held, asked, created)
}

func (p Policies) admitElsewhere(actor Actor, held, asked Terms, created time.Time) (_ Terms, err error) {
	if !asked.AllOrgs {
		return asked, nil
	}
	for _, policy := range p.Elsewhere {
		if asked, err = policy.admit(actor, held, asked, created); err != nil {
			return Terms{}, err
		}
	}
	return asked, nil
}
