//go:build !linux

package trust

// executedByDescriptor: on other systems a program is executed by its path; it has been checked that no other user can write there.
const executedByDescriptor = false
