package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Description is how a plugin describes itself.
type Description struct {
	Name    string
	Version string
	Doc     string
	Kinds   []Kind // without the means to make instances
}

// The bounds of a description: more is no plugin's.
const (
	maxName   = 256
	maxText   = 4 << 10
	maxFields = 1000
)

// Kind returns the description of one of the plugin's kinds; nil if the plugin is not of that kind.
func (d *Description) Kind(k KindName) *Kind {
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
		return Description{}, fmt.Errorf("cannot read the plugin's description: %w", err)
	}
	return descriptionFromProto(&reply)
}

// describeJSON is what --describe prints.
func describeJSON(p Plugin) ([]byte, error) {
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
	reply := &pb.DescribeReply{Name: p.Name, Version: cleanText(p.Version), Doc: cleanText(p.Doc)}
	for _, k := range p.Kinds {
		kind := &pb.KindDescription{Kind: kindToProto(k.Name)}
		for _, f := range k.Fields {
			kind.Fields = append(kind.Fields, &pb.Field{
				Key: f.Key, Type: fieldTypes()[f.Type], Default: cleanText(f.Default), Required: f.Required,
				Secret: f.Secret, Doc: cleanText(f.Doc), Choices: f.Choices,
				Min: f.Min, Max: f.Max, Zero: f.Zero, Schemes: f.Schemes, Host: f.Host,
				Pattern: f.Pattern, Values: f.Values, Form: cleanText(f.Form), Reserved: f.Reserved, File: f.File,
				When: f.When, Or: f.Or, Needs: f.Needs, Without: f.Without,
			})
		}
		reply.Kinds = append(reply.Kinds, kind)
	}
	return reply
}

// descriptionFromProto checks it: it comes from a program that nobody trusts yet.
func descriptionFromProto(reply *pb.DescribeReply) (Description, error) {
	d := Description{Name: reply.GetName(), Version: reply.GetVersion(), Doc: oneLine(reply.GetDoc())}
	if err := checkName(d.Name); err != nil {
		return Description{}, err
	}
	if d.Version == "" || len(d.Version) > maxName || strings.ContainsFunc(d.Version, isControl) {
		return Description{}, fmt.Errorf("the plugin %s has no usable version", d.Name)
	}
	for _, k := range reply.GetKinds() {
		name := kindFromProto(k.GetKind())
		if name == "" {
			continue // of a later version
		}
		if d.Kind(name) != nil {
			return Description{}, fmt.Errorf("the plugin %s describes the kind %s twice", d.Name, name)
		}
		fields, err := fieldsFromProto(k.GetFields())
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

func fieldsFromProto(described []*pb.Field) ([]Field, error) {
	if len(described) > maxFields {
		return nil, fmt.Errorf("%d are too many", len(described))
	}
	var fields []Field
	seen := map[string]bool{}
	for _, f := range described {
		if !isKey(f.GetKey()) || seen[f.GetKey()] {
			return nil, fmt.Errorf("%.80q is not a key, or is there twice", f.GetKey())
		}
		seen[f.GetKey()] = true
		t := named(fieldTypes(), f.GetType(), Text)
		if t == Choice && len(f.GetChoices()) == 0 {
			t = Text
		}
		fields = append(fields, Field{
			Key: f.GetKey(), Type: t, Default: f.GetDefault(), Required: f.GetRequired(),
			Secret: f.GetSecret(), Doc: oneLine(f.GetDoc()), Choices: f.GetChoices(),
			Min: oneLine(f.GetMin()), Max: oneLine(f.GetMax()), Zero: f.GetZero(), Schemes: f.GetSchemes(), Host: f.GetHost(),
			Pattern: f.GetPattern(), Values: f.GetValues(), Form: oneLine(f.GetForm()), Reserved: f.GetReserved(), File: f.GetFile(),
			When: f.GetWhen(), Or: f.GetOr(), Needs: f.GetNeeds(), Without: f.GetWithout(),
		})
	}
	return fields, nil
}

func checkName(name string) error {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%.80q is not a name of a plugin: it has lower-case letters, digits and hyphens", name)
	}
	return nil
}

// oneLine makes a text fit to be shown in a list.
func oneLine(s string) string {
	return cleanText(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return isControl(r) || r == ' ' }), " "))
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// cleanText makes a text UTF-8 and at most maxText long.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + " …"
	}
	return s
}
