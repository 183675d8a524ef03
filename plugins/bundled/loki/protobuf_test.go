package loki

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// schema is what Loki's pkg/push/push.proto says, for a reader that knows nothing of ours.
const schema = `
name: "push.proto" package: "logproto" syntax: "proto3"
message_type { name: "PushRequest" field { name: "streams" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".logproto.StreamAdapter" } }
message_type { name: "StreamAdapter"
  field { name: "labels" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "entries" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".logproto.EntryAdapter" }
  field { name: "hash" number: 3 label: LABEL_OPTIONAL type: TYPE_UINT64 } }
message_type { name: "LabelPairAdapter"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "EntryAdapter"
  field { name: "timestamp" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".logproto.Timestamp" }
  field { name: "line" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "structuredMetadata" number: 3 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".logproto.LabelPairAdapter" } }
message_type { name: "Timestamp"
  field { name: "seconds" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 } field { name: "nanos" number: 2 label: LABEL_OPTIONAL type: TYPE_INT32 } }
`

// record is a message with its fields by name.
type record struct{ protoreflect.Message }

func (r record) field(name protoreflect.Name) protoreflect.Value {
	return r.Get(r.Descriptor().Fields().ByName(name))
}

func (r record) each(name protoreflect.Name, take func(record) error) error {
	list := r.field(name).List()
	for i := range list.Len() {
		if err := take(record{list.Get(i).Message()}); err != nil {
			return err
		}
	}
	return nil
}

// readProtobuf reads a PushRequest; what it does not know is an error.
func readProtobuf(raw []byte) ([]pushed, error) {
	raw, err := unsnap(raw)
	if err != nil {
		return nil, err
	}
	var described descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(schema), &described); err != nil {
		return nil, err
	}
	file, err := protodesc.NewFile(&described, nil)
	if err != nil {
		return nil, err
	}
	request := dynamicpb.NewMessage(file.Messages().ByName("PushRequest"))
	if err := proto.Unmarshal(raw, request); err != nil {
		return nil, err
	}
	var all []pushed
	err = record{request}.each("streams", func(stream record) error {
		one := pushed{}
		if one.labels, err = parseSelector(stream.field("labels").String()); err != nil {
			return err
		}
		err := stream.each("entries", func(e record) error {
			at := record{e.field("timestamp").Message()}
			l := pushedLine{text: e.field("line").String(), time: at.field("seconds").Int()*1e9 + at.field("nanos").Int(), metadata: map[string]string{}}
			if at.field("nanos").Int() >= 1e9 || len(e.GetUnknown())+len(at.GetUnknown()) > 0 {
				return fmt.Errorf("an entry that is none: %v", e)
			}
			one.lines = append(one.lines, l)
			return e.each("structuredMetadata", func(pair record) error {
				l.metadata[pair.field("name").String()] = pair.field("value").String()
				return nil
			})
		})
		all = append(all, one)
		return err
	})
	if err == nil && len(request.GetUnknown()) > 0 {
		err = errors.New("fields that nobody knows")
	}
	return all, err
}

func parseSelector(s string) (map[string]string, error) {
	labels := map[string]string{}
	pair := regexp.MustCompile(`^(?:\{|, )([a-zA-Z_][a-zA-Z0-9_]*)=("(?:[^"\\]|\\.)*")`)
	for s != "}" {
		m := pair.FindStringSubmatch(s)
		if m == nil {
			return nil, fmt.Errorf("%q are no labels", s)
		}
		text, err := strconv.Unquote(m[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m[2], err)
		}
		labels[m[1]], s = text, s[len(m[0]):]
	}
	return labels, nil
}

// unsnap reads Snappy's block format by its description (github.com/google/snappy, format_description.txt).
func unsnap(b []byte) ([]byte, error) {
	wrong := errors.New("no block of Snappy")
	size, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, wrong
	}
	b = b[n:]
	var out []byte
	for len(b) > 0 {
		tag, length, offset := b[0], int(b[0]>>2), 0
		b = b[1:]
		take := func(n int) (v int) { // a number of n bytes, the lowest first
			if len(b) < n {
				b = nil
				return 1 << 40
			}
			for i := range n {
				v |= int(b[i]) << (8 * i)
			}
			b = b[n:]
			return v
		}
		switch tag & 3 {
		case 0: // a literal
			if length >= 60 {
				length = take(length - 59)
			}
			length++
			if length > len(b) {
				return nil, wrong
			}
			out, b = append(out, b[:length]...), b[length:]
			continue
		case 1:
			length, offset = length&7+4, int(tag>>5)<<8
			offset |= take(1)
		case 2:
			length, offset = length+1, take(2)
		case 3:
			length, offset = length+1, take(4)
		}
		if offset == 0 || offset > len(out) {
			return nil, wrong
		}
		for range length {
			out = append(out, out[len(out)-offset])
		}
	}
	if uint64(len(out)) != size {
		return nil, wrong
	}
	return out, nil
}

func TestTimesOfProtobuf(t *testing.T) {
	for _, ns := range []int64{1, 999999999, 1000000000, 1700000000000000005, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()} {
		p := push{Streams: []*stream{{Labels: map[string]string{"a": "b"}, Entries: []value{{time: ns, line: "x"}}}}}
		got, err := readProtobuf(p.protobuf())
		if err != nil || len(got) != 1 || len(got[0].lines) != 1 || got[0].lines[0].time != ns || got[0].lines[0].text != "x" {
			t.Errorf("%d: %+v (%v)", ns, got, err)
		}
	}
}
