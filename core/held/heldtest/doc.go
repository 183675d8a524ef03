// Package heldtest is for tests of what root does in another user's directory.
package heldtest

// Other is the user to whom the directory belongs. There need not be such an account.
const Other = 12345
