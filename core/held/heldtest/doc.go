// Package heldtest is for tests of what root does in a directory of somebody else.
package heldtest

// Other is the user whose directory it is. There need not be such an account.
const Other = 12345
