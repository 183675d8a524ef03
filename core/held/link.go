//go:build !solaris

package held

import "golang.org/x/sys/unix"

// link gives a file a second name in another directory.
func link(from *Dir, name string, to *Dir, as string) error {
	return unix.Linkat(from.fd, name, to.fd, as, 0)
}
