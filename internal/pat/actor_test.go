package pat

import (
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
	actor := Actor{ID: user, Groups: []string{group.String(), "a-group-without-uuid"}}
	tests := []struct {
		name    string
		objects []string
		want    bool
	}{
		{"nobody", nil, false},
		{"somebody else", []string{other.String()}, false},
		{"the user", []string{other.String(), user.String()}, true},
		{"a group", []string{other.String(), group.String()}, true},
		{"a group by name", []string{"a-group-without-uuid"}, true},
		{"another group of nearly that name", []string{"A-Group-Without-UUID"}, false},
		{"an empty entry", []string{""}, false},
		{"a part of the id", []string{user.String()[:8]}, false},
	}
	for _, tt := range tests {
		if got := actor.listed(tt.objects); got != tt.want {
			t.Errorf("listed with %s = %v, want %v", tt.name, got, tt.want)
		}
	}
}
