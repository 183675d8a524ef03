package wire

import pb "github.com/hark-supervisor/hark/sdk/proto"

// Permission is what a plugin may call of the daemon's methods.
type Permission int

// The permissions, least first; their numbers are the protocol's.
const (
	NoCalls   Permission = iota // none
	ReadCalls                   // those that change nothing
	AllCalls                    // all
)

// String is the permission as [plugin:x] permissions has it.
func (p Permission) String() string {
	switch p {
	case ReadCalls:
		return "read"
	case AllCalls:
		return "control"
	}
	return "none"
}

// ToProto is the protocol's word for it.
func (p Permission) ToProto() pb.DescribeReply_Permission {
	switch p {
	case ReadCalls:
		return pb.DescribeReply_READ
	case AllCalls:
		return pb.DescribeReply_CONTROL
	}
	return pb.DescribeReply_NONE
}

// PermissionFromProto is what a word of the protocol stands for; NoCalls for one of a later version.
func PermissionFromProto(p pb.DescribeReply_Permission) Permission {
	switch p {
	case pb.DescribeReply_READ:
		return ReadCalls
	case pb.DescribeReply_CONTROL:
		return AllCalls
	}
	return NoCalls
}
