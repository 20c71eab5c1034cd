package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestUsageAsksByHundreds(t *testing.T) {
	t.Parallel()
	var asked []int
	transport := &transport{answer: func(_ int, r *http.Request) (*http.Response, error) {
		ids := strings.Split(r.URL.Query().Get("authorizationIds"), ",")
		asked = append(asked, len(ids))
		body, err := json.Marshal(api.Collect([]api.TokenUsage{{AuthorizationID: ids[0]}}))
		return reply(http.StatusOK, string(body)), err
	}}
	ids := make([]string, 250)
	for i := range ids {
		ids[i] = fmt.Sprint("token-", i)
	}
	got, err := newClient(transport).Usage(t.Context(), ids...)
	want := []api.TokenUsage{{AuthorizationID: "token-0"}, {AuthorizationID: "token-100"}, {AuthorizationID: "token-200"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Usage = %v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]int{100, 100, 50}, asked); diff != "" {
		t.Errorf("ids by request (-want +got):\n%s", diff)
	}
}

func TestUsageOfNothing(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusOK, `{"count":0,"value":[]}`)
	if got, err := newClient(transport).Usage(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("Usage = %v, %v, want nothing", got, err)
	}
	if _, err := newClient(transport).Usage(t.Context(), tokenID, ""); client.KindOf(err) != client.KindRequest {
		t.Errorf("Usage of an empty id = %v, want an error of kind request", err)
	}
	if len(transport.sent) != 0 {
		t.Errorf("sent %d requests, want none", len(transport.sent))
	}
}
