package pluginrpc

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Description is how a plugin describes itself.
type Description struct {
	Name    string
	Version string
	Doc     string
	Kinds   []Kind
	// Permission is what it asks to call of the daemon.
	Permission wire.Permission
}

// Kind is one kind that a plugin can be.
type Kind struct {
	Name   wire.Kind
	Fields []pluginkeys.Field // the keys of its sections, in order
}

// Kind returns the description of one of the plugin's kinds; nil if the plugin is not of that kind.
func (d *Description) Kind(k wire.Kind) *Kind {
	for i := range d.Kinds {
		if d.Kinds[i].Name == k {
			return &d.Kinds[i]
		}
	}
	return nil
}

// ParseDescription reads what a plugin prints when it is run with --describe: a DescribeReply in protobuf's JSON form.
func ParseDescription(doc []byte) (Description, error) {
	var reply pb.DescribeReply
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(doc, &reply); err != nil {
		if text := bytes.TrimSpace(doc); len(text) > 0 && text[0] != '{' {
			line, _, _ := strings.Cut(string(text), "\n")
			return Description{}, fmt.Errorf("cannot read the plugin's description: it begins with %.80q: with --describe its standard output is the description alone, "+
				"so it must print to standard error", line)
		}
		return Description{}, fmt.Errorf("cannot read the plugin's description: %w", err)
	}
	return descriptionFromProto(&reply)
}

// descriptionFromProto checks it: it comes from a program that is not trusted yet.
func descriptionFromProto(reply *pb.DescribeReply) (Description, error) {
	d := Description{Name: reply.GetName(), Version: reply.GetVersion(), Doc: wire.OneLine(reply.GetDoc()), Permission: wire.PermissionFromProto(reply.GetPermission())}
	if err := wire.CheckName(d.Name); err != nil {
		return Description{}, err
	}
	if err := wire.CheckVersion(d.Name, d.Version); err != nil {
		return Description{}, err
	}
	for _, k := range reply.GetKinds() {
		name := wire.KindFromProto(k.GetKind())
		if name == "" {
			continue // of a later version
		}
		if d.Kind(name) != nil {
			return Description{}, fmt.Errorf("the plugin %s describes the kind %s twice", d.Name, name)
		}
		fields, err := wire.FieldsFromProto(k.GetFields())
		if err != nil {
			return Description{}, fmt.Errorf("the plugin %s: keys of the %s: %w", d.Name, name, err)
		}
		d.Kinds = append(d.Kinds, Kind{Name: name, Fields: fields})
	}
	if len(d.Kinds) == 0 {
		return Description{}, fmt.Errorf("the plugin %s is of no kind that this version knows", d.Name)
	}
	return d, nil
}
