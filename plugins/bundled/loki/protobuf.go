package loki

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields of Loki's messages (pkg/push/push.proto in its repository).
const (
	requestStreams  = 1
	streamLabels    = 1
	streamEntries   = 2
	entryTimestamp  = 1
	entryLine       = 2
	entryMetadata   = 3
	timeSeconds     = 1
	timeNanoseconds = 2
	pairName        = 1
	pairValue       = 2
)

// protobuf is the push as a PushRequest, in the block format of Snappy.
func (p *push) protobuf() []byte {
	var b, one []byte
	for _, s := range p.Streams {
		one = appendText(one[:0], streamLabels, selector(s.Labels))
		for i := range s.Entries {
			one = appendMessage(one, streamEntries, s.Entries[i].protobuf())
		}
		b = appendMessage(b, requestStreams, one)
	}
	return s2.EncodeSnappy(nil, b)
}

func (v *value) protobuf() []byte {
	const second = 1e9
	var at []byte
	if v.time >= second {
		at = protowire.AppendTag(at, timeSeconds, protowire.VarintType)
		at = protowire.AppendVarint(at, uint64(v.time/second))
	}
	at = protowire.AppendTag(at, timeNanoseconds, protowire.VarintType)
	at = protowire.AppendVarint(at, uint64(v.time%second))
	b := appendMessage(nil, entryTimestamp, at)
	b = appendText(b, entryLine, v.line)
	for _, name := range slices.Sorted(maps.Keys(v.metadata)) {
		b = appendMessage(b, entryMetadata, appendText(appendText(nil, pairName, name), pairValue, v.metadata[name]))
	}
	return b
}

// selector is labels as Loki writes them: {channel="stdout", group="web"}.
func selector(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendString(b, text)
}
