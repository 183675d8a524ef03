package wire

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Kind identifies a kind of plugin.
type Kind string

// The kinds. Each is also the word before the colon of its sections, but for namespaces, whose sections are [rpcinterface:x].
const (
	Notifier  Kind = "notifier"
	LogSink   Kind = "logsink"
	Namespace Kind = "namespace"
)

// ToProto is the kind as the protocol has it.
func (k Kind) ToProto() pb.Kind {
	switch k {
	case Notifier:
		return pb.Kind_NOTIFIER
	case LogSink:
		return pb.Kind_LOG_SINK
	case Namespace:
		return pb.Kind_NAMESPACE
	}
	return pb.Kind_KIND_UNSPECIFIED
}

// KindFromProto returns "" for a kind of a later version.
func KindFromProto(k pb.Kind) Kind {
	switch k {
	case pb.Kind_NOTIFIER:
		return Notifier
	case pb.Kind_LOG_SINK:
		return LogSink
	case pb.Kind_NAMESPACE:
		return Namespace
	}
	return ""
}

// Key is the name of an instance among all of a plugin's process.
type Key struct {
	Kind Kind
	Name string
}

// String returns both words.
func (k Key) String() string { return string(k.Kind) + " " + k.Name }

// ToProto is the key as the protocol has it.
func (k Key) ToProto() *pb.Instance {
	return &pb.Instance{Kind: k.Kind.ToProto(), Name: CleanText(k.Name)}
}

// maxName bounds names, in bytes.
const maxName = 256

// KeyFromProto reads a key. The error is a status of gRPC.
func KeyFromProto(i *pb.Instance) (Key, error) {
	kind := KindFromProto(i.GetKind())
	if kind == "" {
		return Key{}, status.Errorf(codes.InvalidArgument, "the kind %d is unknown", i.GetKind())
	}
	if i.GetName() == "" || len(i.GetName()) > maxName {
		return Key{}, status.Error(codes.InvalidArgument, "an instance needs a name of at most 256 bytes")
	}
	return Key{kind, i.GetName()}, nil
}
