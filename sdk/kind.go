package sdk

import (
	"context"
	"fmt"
)

// Kind is one kind that a plugin can be: the keys that its sections may have, and how an instance is created from them.
// NotifierOf, LogSinkOf and NamespaceOf return it.
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
	Secret   bool     // never shown; KEY_file names a file that holds it
	Doc      string   // one line, for people
	Choices  []string // of a Choice
	Min, Max string   // of numbers, sizes and times: bounds, as they would be written; Max of a Text: its bytes, of a List or Map: its entries; "" for none
	Zero     bool     // 0 is taken too, whatever Min
	Schemes  []string // of a Text that is an address: what it may begin with, before "://"
	Host     bool     // of a Text that is an address: it names a host
	Pattern  string   // of a Text: a regular expression for all of it, spaces around it left out; of a List: for each entry; of a Map: for each name
	Values   string   // of a Map: a regular expression for each value
	Form     string   // what Schemes, Host, Pattern and Values demand, in words that follow "must be "
	Reserved []string // of a Map: names that it must not have, in any case of letters; X* are all that begin with X
	File     bool     // of a Text: the name of a file that the plugin reads

	// What holds between keys. A key counts as written where it has a value that is not empty, or its KEY_file is written.
	When    string   // KEY=VALUE: Required and Or hold only where KEY, or its default, is VALUE
	Or      []string // it is required, unless one of these keys is written
	Needs   []string // where it is written, these must be, too: KEY, or KEY=VALUE, which KEY's default may be
	Without []string // where it is written, these must not be
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
	List               // separated by commas
	Choice             // one of Field.Choices
	Map                // KEY="value",KEY2="value2"
	Float
)

// wants reports what a value of the type has to be, as an error does.
func (f *Field) wants() string {
	switch f.Type {
	case Integer:
		return "a whole number"
	case Boolean:
		return "true or false"
	case Size:
		return "a size in bytes, KB, MB or GB"
	case Duration:
		return "seconds, or a time such as 500ms, 5s, 2m or 1h"
	case List:
		return "a list separated by commas"
	case Choice:
		return "one of " + joinWords(f.Choices)
	case Map:
		return `KEY="value",KEY2="value2"`
	case Float:
		return "a number"
	}
	return "text"
}

// NotifierOf is the kind of plugins that notify. C is a struct with a field for each key that a section may have:
//
//	type Config struct {
//		URL     string        `mapstructure:"url" hark:"required,secret" doc:"where to post"`
//		Colour  string        `mapstructure:"colour" choices:"red,green" doc:"colour of the message"`
//		Timeout time.Duration `mapstructure:"timeout" doc:"how long one attempt may take"`
//		MaxBody int64         `mapstructure:"max_body" hark:"size"`
//		Headers map[string]string `mapstructure:"headers" doc:"further headers"`
//		sdk.Common              // the keys of an embedded struct are keys like the others
//	}
//
// Fields may be strings, booleans, numbers, time.Duration, []string, []int, map[string]string, pointers to these (nil: not written), and
// what unmarshals itself from text. hark:"required" must be written, hark:"secret" is shown nowhere and may come from a file
// (KEY_file, which the host reads: the plugin gets the content as KEY), hark:"size" makes sizes of integers. More tags say what else a value
// must be, and what holds between keys: they are the fields of Field in lower case, and docs/plugins.md lists them. What they say is checked
// before the plugin is started, too, and shown by supervisord plugin info. What is not written stays as it is in defaults. A struct's method Validate() error checks what one key cannot tell; it returns
// a *ConfigError to say which key is wrong. A field that none of this fits panics: it is a mistake in the program.
//
// build makes an instance. Its ctx ends with the host's patience (10 s), not with the instance.
func NotifierOf[C any](defaults C, build func(ctx context.Context, c C, i Instance) (Notifier, error)) Kind {
	return kindOf(NotifierKind, defaults, func(ctx context.Context, c C, i Instance) (any, error) { return build(ctx, c, i) })
}

// LogSinkOf returns the kind of plugins that receive output. See NotifierOf for the parameters.
func LogSinkOf[C any](defaults C, build func(ctx context.Context, c C, i Instance) (LogSink, error)) Kind {
	return kindOf(LogSinkKind, defaults, func(ctx context.Context, c C, i Instance) (any, error) { return build(ctx, c, i) })
}

// NamespaceOf returns the kind of plugins that add XML-RPC methods. See NotifierOf for the parameters.
func NamespaceOf[C any](defaults C, build func(ctx context.Context, c C, i Instance) (Namespace, error)) Kind {
	return kindOf(NamespaceKind, defaults, func(ctx context.Context, c C, i Instance) (any, error) { return build(ctx, c, i) })
}

func kindOf[C any](name KindName, defaults C, build func(context.Context, C, Instance) (any, error)) Kind {
	s, err := schemaOf(defaults)
	if err != nil {
		panic(fmt.Sprintf("sdk: configuration of a %s: %v", name, err))
	}
	return Kind{Name: name, Fields: s.described(), build: func(ctx context.Context, values map[string]string, i Instance) (any, error) {
		c := defaults
		if err := s.decode(values, &c); err != nil {
			return nil, err
		}
		made, err := build(ctx, c, i)
		if err == nil && made == nil {
			err = fmt.Errorf("the plugin made no %s", name)
		}
		return made, err
	}}
}
