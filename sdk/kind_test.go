package sdk

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func TestMistakesInTagsPanicAtOnce(t *testing.T) {
	for name, make := range map[string]func(){
		"no struct": func() { NotifierOf(1, noNotifier[int]) },
		"no tag":    func() { NotifierOf(struct{ A string }{}, noNotifier[struct{ A string }]) },
		"a type": func() {
			of[struct {
				A chan int `hark:"a"`
			}]()
		},
		"an unknown word": func() {
			of[struct {
				A string `hark:"a,requird"`
			}]()
		},
		"a key twice": func() {
			of[struct {
				A, B string `hark:"a"`
			}]()
		},
		"an ill-named key": func() {
			of[struct {
				A string `hark:"A-b"`
			}]()
		},
		"a size of text": func() {
			of[struct {
				A string `hark:"a,size"`
			}]()
		},
		"no key": func() {
			of[struct {
				A string `hark:",required"`
			}]()
		},
		"the name of a flag": func() {
			of[struct {
				A string `hark:"required"`
				B string `hark:"a,secret=1"`
			}]()
		},
		"a choice of ints": func() {
			of[struct {
				A int `hark:"a" choices:"1,2"`
			}]()
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p == nil || !strings.HasPrefix(fmt.Sprint(p), "sdk: configuration of a notifier: ") {
					t.Errorf("it panics with %v", p)
				}
			}()
			make()
		})
	}
}

func noNotifier[C any](context.Context, C, Instance) (Notifier, error) { return nil, nil }

func of[C any]() { var c C; NotifierOf(c, noNotifier[C]) }

// The tag that authors wrote before is refused, with the one that takes its place.
func TestTheTagOfBeforeIsRefusedWithTheNewOne(t *testing.T) {
	type Common struct {
		Timeout string `hark:"timeout"`
	}
	for want, make := range map[string]func(){
		"the field URL: the tag mapstructure is no longer read: write `hark:\"url,required,secret\"`": func() {
			of[struct {
				URL string `mapstructure:"url" hark:"required,secret"`
			}]()
		},
		"the field Max: the tag mapstructure is no longer read: write `hark:\"max\"`": func() {
			of[struct {
				Max string `mapstructure:"max,omitempty" doc:"most"`
			}]()
		},
		"the field Other: the tag mapstructure is no longer read: write `hark:\"-\"`": func() {
			of[struct {
				Other string `mapstructure:"-"`
			}]()
		},
		"the field Common: the tag mapstructure is no longer read: take it away; the keys of an embedded struct are keys like the others": func() {
			of[struct {
				Common `mapstructure:",squash"`
			}]()
		},
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); got != "sdk: configuration of a notifier: "+want {
					t.Errorf("it panics with %s", got)
				}
			}()
			make()
		})
	}
}
