package sdk

import "context"

// Kind is one kind that a plugin can be: the keys its sections may have, and how an instance is made of them. It is made by NotifierOf,
// LogSinkOf and NamespaceOf.
type Kind struct {
	Name   KindName
	Fields []Field // its keys, in order
	build  func(ctx context.Context, values map[string]string, i Instance) (any, error)
}

// Field is one key of a section.
type Field struct {
	Key      string
	Type     FieldType
	Default  string // as it would be written; "" for none
	Required bool
	Secret   bool   // never shown; KEY_file names a file that holds it
	Doc      string // one line, for people
	Choices  []string // of a Choice
}

// FieldType is the form of a key's value.
type FieldType int

// The forms of values.
const (
	Text     FieldType = iota
	Integer            // a whole number
	Boolean            // Supervisor's: true, yes, on, 1 …
	Size               // bytes, with KB, MB or GB behind it if wanted
	Duration           // seconds, or with a unit: 500ms, 5s, 2m, 1h
	List               // parted by commas
	Choice             // one of Field.Choices
	Map                // KEY="value",KEY2="value2"
	Float
)
