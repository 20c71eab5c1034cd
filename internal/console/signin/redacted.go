package signin

import "log/slog"

const redacted = "redacted"

// String does not show the credentials.
func (Credentials) String() string { return redacted }

// GoString does not show the credentials.
func (Credentials) GoString() string { return redacted }

// LogValue does not show the credentials.
func (Credentials) LogValue() slog.Value { return slog.StringValue(redacted) }

// String does not show the attempt.
func (Attempt) String() string { return redacted }

// GoString does not show the attempt.
func (Attempt) GoString() string { return redacted }

// LogValue does not show the attempt.
func (Attempt) LogValue() slog.Value { return slog.StringValue(redacted) }

// String does not show the secret.
func (c Config) String() string { return c.Kind + " at " + c.Authority }

// GoString does not show the secret.
func (c Config) GoString() string { return c.String() }

// LogValue does not show the secret.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String names the certificate and shows nothing of the key.
func (c *Certificate) String() string { return c.chain[0].Subject.String() }

// GoString does not show the key.
func (c *Certificate) GoString() string { return c.String() }

// LogValue does not show the key.
func (c *Certificate) LogValue() slog.Value { return slog.StringValue(c.String()) }
