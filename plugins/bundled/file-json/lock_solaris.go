package filejson

import (
	"context"
	"os"
)

// lock does nothing: there are no locks of open files there. Sections should not share a file.
func lock(context.Context, *os.File) error { return nil }

func unlock(*os.File) {}
