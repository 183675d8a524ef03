//go:build !linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// readProcessTable asks ps, as Superlance does.
func readProcessTable(ctx context.Context) (processTable, error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "rss=").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: ps: %w", err)
	}
	table := processTable{}
	for line := range strings.Lines(string(bytes.TrimSpace(out))) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		pid, err1 := strconv.Atoi(fields[0])
		parent, err2 := strconv.Atoi(fields[1])
		kilobytes, err3 := strconv.ParseInt(fields[2], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			table[pid] = processMemory{parent, kilobytes << 10}
		}
	}
	return table, nil
}
