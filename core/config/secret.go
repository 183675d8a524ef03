package config

import (
	"fmt"
	"io"
)

// masked is what a secret shows of itself.
const masked = "<secret>"

// Secret is a value, such as a password or its hash, that prints as <secret>
// by every verb of fmt, in JSON and as text. The zero Secret is empty.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the value; only code that checks or sends it should call it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == "" }

// String is <secret>, also for an empty one.
func (s Secret) String() string { return masked }

// GoString is <secret>.
func (s Secret) GoString() string { return masked }

// Format writes <secret> for every verb: without it %d or %x would walk into the field.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText is <secret>.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON is "<secret>".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }
