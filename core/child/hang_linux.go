package child

import "golang.org/x/sys/unix"

// mayHang reports whether a path is on a file system that depends on a server or another process. It may block as long as
// that does.
func mayHang(path string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return false
	}
	// Names of those that package unix lacks: include/uapi/linux/magic.h, and their own headers.
	const (
		cifs   = 0xff534d42
		smb2   = 0xfe534d42
		ceph   = 0x00c36400
		lustre = 0x0bd00bd0
		gpfs   = 0x47504653
	)
	switch uint32(st.Type) { //nolint:gosec,unconvert // 32 bits on every system, sign and all
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.AUTOFS_SUPER_MAGIC, cifs, smb2, ceph, lustre, gpfs:
		return true
	}
	return false
}
