package wire

import (
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// MaxFields bounds the keys of one kind of a plugin.
const MaxFields = 1000

// CheckName reports whether a plugin may have this name.
func CheckName(name string) error {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%.80q is not a name of a plugin: it has lower-case letters, digits and hyphens", name)
	}
	return nil
}

// CheckVersion reports whether the plugin of that name may have this version.
func CheckVersion(name, version string) error {
	if version == "" || len(version) > maxName || strings.ContainsFunc(version, IsControl) {
		return fmt.Errorf("the plugin %s has no usable version", name)
	}
	return nil
}

// fieldTypes has the forms of values, one a line: a number that is added on one side means nothing on the other until it
// has a line.
func fieldTypes() map[pluginkeys.FieldType]pb.Field_Type {
	return map[pluginkeys.FieldType]pb.Field_Type{
		pluginkeys.Text: pb.Field_TEXT, pluginkeys.Integer: pb.Field_INTEGER, pluginkeys.Boolean: pb.Field_BOOLEAN, pluginkeys.Size: pb.Field_SIZE,
		pluginkeys.Duration: pb.Field_DURATION, pluginkeys.List: pb.Field_LIST, pluginkeys.Choice: pb.Field_CHOICE, pluginkeys.Map: pb.Field_MAP,
		pluginkeys.Float: pb.Field_FLOAT,
	}
}

// fieldType is the form that stands for a word of the protocol; text where none does.
func fieldType(p pb.Field_Type) pluginkeys.FieldType {
	for t, word := range fieldTypes() {
		if word == p {
			return t
		}
	}
	return pluginkeys.Text
}

// FieldsToProto describes keys.
func FieldsToProto(fields []pluginkeys.Field) []*pb.Field {
	var described []*pb.Field
	for _, f := range fields {
		described = append(described, &pb.Field{
			Key: f.Key, Type: fieldTypes()[f.Type], Default: CleanText(f.Default), Required: f.Required,
			Secret: f.Secret, Doc: CleanText(f.Doc), Choices: f.Choices,
			Min: f.Min, Max: f.Max, Zero: f.Zero, Schemes: f.Schemes, Host: f.Host,
			Pattern: f.Pattern, Values: f.Values, Form: CleanText(f.Form), Reserved: f.Reserved, File: f.File,
			When: f.When, Or: f.Or, Needs: f.Needs, Without: f.Without,
		})
	}
	return described
}

// FieldsFromProto checks a description of keys: it comes from a program that nobody trusts yet.
func FieldsFromProto(described []*pb.Field) ([]pluginkeys.Field, error) {
	if len(described) > MaxFields {
		return nil, fmt.Errorf("%d are too many", len(described))
	}
	var fields []pluginkeys.Field
	seen := map[string]bool{}
	for _, f := range described {
		if !pluginkeys.IsKey(f.GetKey()) || seen[f.GetKey()] {
			return nil, fmt.Errorf("%.80q is not a key, or is there twice", f.GetKey())
		}
		seen[f.GetKey()] = true
		t := fieldType(f.GetType())
		if t == pluginkeys.Choice && len(f.GetChoices()) == 0 {
			t = pluginkeys.Text
		}
		fields = append(fields, pluginkeys.Field{
			Key: f.GetKey(), Type: t, Default: f.GetDefault(), Required: f.GetRequired(),
			Secret: f.GetSecret(), Doc: OneLine(f.GetDoc()), Choices: f.GetChoices(),
			Min: OneLine(f.GetMin()), Max: OneLine(f.GetMax()), Zero: f.GetZero(), Schemes: f.GetSchemes(), Host: f.GetHost(),
			Pattern: f.GetPattern(), Values: f.GetValues(), Form: OneLine(f.GetForm()), Reserved: f.GetReserved(), File: f.GetFile(),
			When: f.GetWhen(), Or: f.GetOr(), Needs: f.GetNeeds(), Without: f.GetWithout(),
		})
	}
	return fields, nil
}
