package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
)

// readProcessTable reads /proc, which is there where ps is not, as in most
// containers.
func readProcessTable(context.Context) (processTable, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	page := int64(os.Getpagesize())
	table := processTable{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		// The program's name, in parentheses, may hold anything. Behind it come the
		// state, the parent and, as the 22nd, the pages (proc(5)).
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 22 {
			continue
		}
		parent, err1 := strconv.Atoi(string(fields[1]))
		pages, err2 := strconv.ParseInt(string(fields[21]), 10, 64)
		if err1 == nil && err2 == nil {
			table[pid] = processMemory{parent, pages * page}
		}
	}
	return table, nil
}
