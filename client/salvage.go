package client

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// salvage reads the answer to a creation as far as it can be read: the secret
// in it exists nowhere else, so neither an odd date nor a connection that broke
// after it may lose it. It reports whether a whole secret was there.
func (a answer) salvage() (api.PatToken, bool) {
	if !a.succeeded() {
		return api.PatToken{}, false
	}
	var token api.PatToken
	_ = members(json.NewDecoder(bytes.NewReader(a.text())), func(dec *json.Decoder, name string) error {
		if !strings.EqualFold(name, "patToken") {
			return dec.Decode(new(json.RawMessage))
		}
		return members(dec, func(dec *json.Decoder, name string) error {
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				return err
			}
			salvageField(&token, name, value)
			return nil
		})
	})
	return token, token.Token != nil && *token.Token != ""
}

// salvageField sets the field of that name, or leaves it zero where the value
// does not fit.
func salvageField(token *api.PatToken, name string, value json.RawMessage) {
	fields := map[string]any{
		"displayname":     &token.DisplayName,
		"validto":         &token.ValidTo,
		"scope":           &token.Scope,
		"targetaccounts":  &token.TargetAccounts,
		"validfrom":       &token.ValidFrom,
		"authorizationid": &token.AuthorizationID,
		"token":           &token.Token,
	}
	if field, ok := fields[strings.ToLower(name)]; ok {
		_ = json.Unmarshal(value, field)
	}
}

// members calls visit for each member of the object that dec stands before;
// visit must read the value. It ends early, with the error, where the input
// does.
func members(dec *json.Decoder, visit func(*json.Decoder, string) error) error {
	start, err := dec.Token()
	if err != nil || start != json.Delim('{') {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		text, _ := name.(string)
		if err := visit(dec, text); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}
