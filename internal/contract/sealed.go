package contract

import "context"

// WithSealed returns a context for a message of these bytes: a record batch whose CRC the
// plugin that makes the message has just computed. It travels in the context of a message
// and not in its metadata, since nothing outside of this process may set it.
func WithSealed(ctx context.Context, batch []byte) context.Context {
	return context.WithValue(ctx, sealedKey{}, sealed(batch))
}

// IsSealed reports whether content is the very memory that WithSealed was given: neither
// a copy of it nor a part. It cannot report that nobody has written to it.
func IsSealed(ctx context.Context, content []byte) bool {
	s, ok := ctx.Value(sealedKey{}).(sealed)
	return ok && len(s) > 0 && len(s) == len(content) && &s[0] == &content[0]
}

type (
	sealedKey struct{}
	sealed    []byte
)
