package sdk

import pb "github.com/hark-supervisor/hark/sdk/proto"

// The words of the protocol that are enumerations here, one pair a line: a number that is added on one side means nothing on the other
// until it has a line.

func severities() map[Severity]pb.Severity {
	return map[Severity]pb.Severity{
		Info: pb.Severity_INFO, Warning: pb.Severity_WARNING, Error: pb.Severity_ERROR, Critical: pb.Severity_CRITICAL,
	}
}

func fieldTypes() map[FieldType]pb.Field_Type {
	return map[FieldType]pb.Field_Type{
		Text: pb.Field_TEXT, Integer: pb.Field_INTEGER, Boolean: pb.Field_BOOLEAN, Size: pb.Field_SIZE, Duration: pb.Field_DURATION,
		List: pb.Field_LIST, Choice: pb.Field_CHOICE, Map: pb.Field_MAP, Float: pb.Field_FLOAT,
	}
}

// named is what stands for a word of the protocol, otherwise where nothing does.
func named[T, P comparable](words map[T]P, p P, otherwise T) T {
	for t, word := range words {
		if word == p {
			return t
		}
	}
	return otherwise
}
