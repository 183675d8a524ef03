// Command shout is an example of a plugin: a notifier that shouts about events into a file.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hark-supervisor/hark/sdk"
)

type Config struct {
	File string `hark:"file,required" doc:"file to write to"`
	Loud bool   `hark:"loud" doc:"whether to shout"`
}

type Shout struct{ c Config }

func (s *Shout) Notify(ctx context.Context, n *sdk.Notification) error {
	f, err := os.OpenFile(s.c.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err // it is tried again; sdk.Final(err) would be the end of it
	}
	defer f.Close()
	title := n.Title
	if s.c.Loud {
		title = strings.ToUpper(title) + "!"
	}
	_, err = fmt.Fprintln(f, title)
	return err
}

func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "shout", Version: "1.0.0", Doc: "Shouts about events into a file.",
		Kinds: []sdk.Kind{sdk.NotifierOf(Config{Loud: true}, func(_ context.Context, c Config, _ sdk.Instance) (sdk.Notifier, error) {
			return &Shout{c}, nil
		})},
	}
}

func main() { sdk.Serve(Plugin()) }
