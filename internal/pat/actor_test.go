package pat

import (
	"strings"
	"testing"
)

func TestDescriptor(t *testing.T) {
	t.Parallel()
	id, err := ParseUUID("01234567-89ab-cdef-0123-456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	want := "aad.MDEyMzQ1NjctODlhYi1jZGVmLTAxMjMtNDU2Nzg5YWJjZGVm"
	if got := (Actor{ID: id}).Descriptor(); got != want {
		t.Errorf("Descriptor = %s, want %s", got, want)
	}
}

func TestListed(t *testing.T) {
	t.Parallel()
	user, group, other := RandomUUID(), RandomUUID(), RandomUUID()
	actor := Actor{ID: user, Groups: []string{strings.ToUpper(group.String()), "a-group-without-uuid"}}
	tests := []struct {
		name    string
		objects []string
		want    bool
	}{
		{"nobody", nil, false},
		{"somebody else", []string{other.String()}, false},
		{"the user", []string{other.String(), user.String()}, true},
		{"the user in upper case", []string{strings.ToUpper(user.String())}, true},
		{"a group in another case", []string{group.String()}, true},
		{"a group by name", []string{"A-Group-Without-UUID"}, true},
		{"an empty entry", []string{""}, false},
		{"a part of the id", []string{user.String()[:8]}, false},
	}
	for _, tt := range tests {
		if got := actor.listed(tt.objects); got != tt.want {
			t.Errorf("listed with %s = %v, want %v", tt.name, got, tt.want)
		}
	}
}
