package main

import (
	"context"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
)

// attachments counts what is attached to a loop.
type attachments int

func (n *attachments) Attach(context.Context, *core.Attachment) error {
	*n++
	return nil
}

func (n *attachments) InTurn(context.Context, func(core.Turn)) error { return nil }

// TestThereIsAHistoryOnlyWhereThereIsAPage: a daemon without servers keeps no events.
func TestThereIsAHistoryOnlyWhereThereIsAPage(t *testing.T) {
	for servers, want := range map[int]attachments{0: 0, 1: 1, 2: 1} {
		var n attachments
		h, err := pageHistory(&n, make([]config.Server, servers))
		if err != nil || n != want || (h != nil) != (want > 0) {
			t.Errorf("with %d servers there are %d histories, %v: %v", servers, n, h != nil, err)
		}
	}
}
