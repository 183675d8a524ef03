//go:build !solaris

package held

import "golang.org/x/sys/unix"

// link creates a second name for a file in another directory.
func link(from *Dir, name string, to *Dir, as string) error {
	return unix.Linkat(from.fd, name, to.fd, as, 0)
}
