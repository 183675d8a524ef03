package sdk

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Describe returns what the plugin prints when it is run with --describe: its kinds and their keys, as JSON.
func Describe(p Plugin) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	doc, err := protojson.Marshal(describe(p))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson's own white space is not the same in every build
	if err := json.Indent(&out, doc, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func describe(p Plugin) *pb.DescribeReply {
	reply := &pb.DescribeReply{Name: p.Name, Version: wire.CleanText(p.Version), Doc: wire.CleanText(p.Doc), Permission: wire.Permission(p.Permission).ToProto()}
	for _, k := range p.Kinds {
		reply.Kinds = append(reply.Kinds, &pb.KindDescription{Kind: k.name.ToProto(), Fields: wire.FieldsToProto(k.fields)})
	}
	return reply
}
