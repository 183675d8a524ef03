package sdk

import (
	"context"
	"fmt"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/wire"
)

// Kind is one kind that a plugin can be: the keys that its sections may have, and how an instance is created from them.
// NotifierOf, LogSinkOf and NamespaceOf return it.
type Kind struct {
	name   wire.Kind
	fields []pluginkeys.Field // its keys, in order
	build  func(ctx context.Context, values map[string]string, i Instance) (any, error)
}

// NotifierOf is the kind of plugins that notify. C is a struct with a field for each key that a section may have:
//
//	type Config struct {
//		URL     string            `hark:"url,required,secret" schemes:"http,https" doc:"where to post"`
//		Colour  string            `hark:"colour" choices:"red,green" doc:"colour of the message"`
//		Timeout time.Duration     `hark:"timeout" min:"1s" max:"1m" doc:"how long one attempt may take"`
//		MaxBody int64             `hark:"max_body,size,zero" min:"1KB" doc:"bytes of a message; 0 for any"`
//		Headers map[string]string `hark:"headers" doc:"further headers"`
//		Other   any               `hark:"-"` // not a key
//		Common                    // the keys of an embedded struct are keys like the others
//	}
//
// Fields may be strings, booleans, numbers, time.Duration, []string, []int, map[string]string, pointers to these (nil: not
// written), and what unmarshals itself from text. The tag hark is the key and then its flags: required must be written,
// secret is shown nowhere and may come from a file (KEY_file, which the host reads: the plugin gets the content as KEY),
// size makes sizes of integers, zero takes 0 in spite of min. More tags say what else a value must be, and what holds
// between keys; docs/plugins.md lists them. What they say is checked before the plugin is started, too, and shown by
// supervisord plugin info. What is not written stays as it is in defaults. A struct's method Validate() error checks the
// rest; it returns a *ConfigError to say which key is wrong. A field that none of this fits panics: it is a mistake in the
// program.
//
// build makes an instance. Its ctx ends with the host's patience (10 s), not with the instance.
func NotifierOf[C any](defaults C, build func(ctx context.Context, c C, i Instance) (Notifier, error)) Kind {
	return kindOf(wire.Notifier, defaults, func(ctx context.Context, c C, i Instance) (any, error) { return build(ctx, c, i) })
}

// LogSinkOf returns the kind of plugins that receive output. See NotifierOf for the parameters.
func LogSinkOf[C any](defaults C, build func(ctx context.Context, c C, i Instance) (LogSink, error)) Kind {
	return kindOf(wire.LogSink, defaults, func(ctx context.Context, c C, i Instance) (any, error) { return build(ctx, c, i) })
}

// NamespaceOf returns the kind of plugins that add XML-RPC methods. See NotifierOf for the parameters.
func NamespaceOf[C any](defaults C, build func(ctx context.Context, c C, i Instance) (Namespace, error)) Kind {
	return kindOf(wire.Namespace, defaults, func(ctx context.Context, c C, i Instance) (any, error) { return build(ctx, c, i) })
}

func kindOf[C any](name wire.Kind, defaults C, build func(context.Context, C, Instance) (any, error)) Kind {
	s, err := pluginkeys.Of(defaults)
	if err != nil {
		panic(fmt.Sprintf("sdk: configuration of a %s: %v", name, err))
	}
	return Kind{name: name, fields: s.Fields(), build: func(ctx context.Context, values map[string]string, i Instance) (any, error) {
		c := defaults
		if err := s.Decode(values, &c); err != nil {
			return nil, err
		}
		made, err := build(ctx, c, i)
		if err == nil && made == nil {
			err = fmt.Errorf("the plugin made no %s", name)
		}
		return made, err
	}}
}
