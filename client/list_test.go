package client_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestList(t *testing.T) {
	t.Parallel()
	page := func(continuation string, names ...string) string {
		p := api.PagedPatTokens{ContinuationToken: continuation, PatTokens: []api.PatToken{}}
		for _, name := range names {
			p.PatTokens = append(p.PatTokens, api.PatToken{DisplayName: name})
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	tests := []struct {
		name  string
		pages map[string]string
		want  []string
		kind  client.Kind
	}{
		{"one page", map[string]string{"": page("", "a", "b")}, []string{"a", "b"}, ""},
		{"none", map[string]string{"": page("")}, nil, ""},
		{"three, one empty", map[string]string{"": page("1", "a"), "1": page("2"), "2": page("", "b")}, []string{"a", "b"}, ""},
		{"an error midway", map[string]string{"": page("1", "a")}, []string{"a"}, client.KindRequest},
		{"a circle", map[string]string{"": page("1", "a"), "1": page("2", "b"), "2": page("1", "c")}, []string{"a", "b", "c"}, client.KindProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(&transport{answer: func(_ int, r *http.Request) (*http.Response, error) {
				if r.URL.Query().Get("sortByOption") != "status" {
					return reply(http.StatusBadRequest, `{"message":"the options must be repeated"}`), nil
				}
				if body, ok := tt.pages[r.URL.Query().Get("continuationToken")]; ok {
					return reply(http.StatusOK, body), nil
				}
				return reply(http.StatusBadRequest, `{"typeKey":"InvalidContinuationTokenException"}`), nil
			}})
			var got []string
			var kind client.Kind
			for token, err := range c.List(t.Context(), client.ListOptions{Sort: api.SortStatus}) {
				if err != nil {
					kind = client.KindOf(err)
					continue
				}
				got = append(got, token.DisplayName)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || kind != tt.kind {
				t.Errorf("kind = %q, want %q; tokens (-want +got):\n%s", kind, tt.kind, diff)
			}
		})
	}
	t.Run("the caller stops", func(t *testing.T) {
		t.Parallel()
		transport := always(http.StatusOK, page("1", "a", "b"))
		for range newClient(transport).List(t.Context(), client.ListOptions{}) {
			break
		}
		if len(transport.sent) != 1 {
			t.Errorf("sent %d requests, want 1", len(transport.sent))
		}
	})
}
