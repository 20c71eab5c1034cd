package signin

// byWord are the reasons of error codes (RFC 6749 sections 4.1.2.1 and 5.2,
// OpenID Connect Core section 3.1.2.6) and of Entra's suberrors.
var byWord = map[string]Reason{
	"access_denied": ReasonCancelled,
	"cancel":        ReasonCancelled,

	"consent_required": ReasonAdminApproval,

	"message_only":                      ReasonConditionalAccess,
	"protection_policy_required":        ReasonConditionalAccess,
	"unmet_authentication_requirements": ReasonConditionalAccess,

	"invalid_client": ReasonCredential,

	"redirect_uri_mismatch": ReasonRedirect,

	"account_selection_required": ReasonInteraction,
	"interaction_required":       ReasonInteraction,
	"invalid_grant":              ReasonInteraction,
	"login_required":             ReasonInteraction,

	"server_error":            ReasonUnreachable,
	"temporarily_unavailable": ReasonUnreachable,
}

// byNumber are the reasons of Entra's AADSTS numbers, as
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
// explains them. Where a number is not here, the word decides.
var byNumber = numbered(map[Reason][]int{
	ReasonCancelled: {
		65004, // the person declined to consent
	},
	ReasonAdminApproval: {
		65001,          // nobody consented
		650052, 650056, // the organization has not enabled the service, or not consented
		90008,        // not even signing in is consented to
		90093, 90094, // the person may not consent: an administrator must
		90095,          // the same, and the person may ask for it
		90099,          // not authorized in this tenant
		900941, 900981, // consent to a risky application
		7000229, // the application is not in this tenant
	},
	ReasonConditionalAccess: {
		50002, 500021, 500022, // tenant restrictions
		500212, 500213, // access across tenants
		50005, 50097, 50127, 50129, // what device it is
		50131,        // its state, suspicious activity
		50155, 50187, // it could not show who it is
		53000, 53001, 530002, // it is not compliant, not joined
		53002, 53009, // not an approved application
		53003,               // blocked
		53004, 53010, 53011, // blocked for its risk
		530003, 530021, 530032, // a managed device, an approved application, a security policy
		530034, 530035, // suspicious activity, security defaults
		700003, // the device is gone
	},
	ReasonAssignment: {
		50105, 501051,
	},
	// Not 70002, which comes first in many refusals, and not 700023, which is
	// also said of scopes.
	ReasonCredential: {
		50012, 50048, // the assertion does not fit the certificate, or the application
		700024,          // it is of another time: look at the clock
		700025,          // the application is registered as a public one
		700027, 7000274, // the certificate is not registered, or the signature does not fit
		700030, 7000213, // its name, its chain
		7000214, 7000277, 1000502, // it is revoked, or out of its time
		7000215,          // wrong secret
		7000216, 7000218, // no credential at all
		7000222, // expired secret
	},
	ReasonRedirect: {
		50011, 500112, 500113, // not registered, not the same, none registered
		70004,
		900971,           // none given
		9002326, 9002327, // registered for a page, not for the web
	},
	ReasonInteraction: {
		16000, 16001, 160021, // which account
		50055, 50144, // the password has expired
		50058,                             // nobody is signed in
		50072, 50074, 50076, 50078, 50079, // a second factor
		50085, 50089, // of another provider; the page was left open
		50125, 50132, 50133, // the password was changed
		50135, 50139,
		50158,        // a challenge of another provider
		50173,        // revoked
		54005,        // the code was used before
		70000, 70008, // not, or no longer, good
		70043, 70044, // policy asks for a new sign-in
		700005,                 // the code of another tenant
		700020,                 // interaction
		700081, 700082, 700084, // expired
	},
	ReasonForged: {
		50148, 501481, // the verifier is not that of the attempt
	},
	ReasonUnreachable: {
		50033, 50087, 70012, 90006, 90012, 90024, 90033, 90036, 90055, 90090, 90091,
	},
	// The words of these would promise that signing in again helps.
	ReasonOther: {
		16003, 50014, 50020, 50034, 51004, 90072, 500208, // the account is not in this tenant
		50053, 50057, // it is locked, or disabled
		50128, 50059, 90002, 900023, // which tenant
		50194, 90130, 9002332, // not for several tenants, or not for theirs
		50196,                 // the same was asked too often
		50001, 500011, 650057, // the resource
		501461,                      // its claims
		28002, 28003, 70011, 700022, // the scope
		70001, 700011, 700016, 7000112, // the application is disabled, or not there
	},
})

func numbered(reasons map[Reason][]int) map[int]Reason {
	by := make(map[int]Reason)
	for reason, numbers := range reasons {
		for _, n := range numbers {
			by[n] = reason
		}
	}
	return by
}

func known(number int) bool {
	_, ok := byNumber[number]
	return ok
}
