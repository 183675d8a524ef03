package wire

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// The bounds of a namespace.
const (
	MaxMethods = 1000
	MaxParams  = 100       // of one method
	maxTimeout = time.Hour // of one method
)

// CheckMethods reports what is wrong with a namespace's methods.
func CheckMethods(methods []*pb.Method) error {
	if len(methods) > MaxMethods {
		return fmt.Errorf("%d methods are too many", len(methods))
	}
	seen := map[string]bool{}
	for _, m := range methods {
		if err := checkMethod(m); err != nil {
			return fmt.Errorf("the method %.80q: %w", m.GetName(), err)
		}
		if seen[m.GetName()] {
			return fmt.Errorf("the method %.80q is there twice", m.GetName())
		}
		seen[m.GetName()] = true
	}
	return nil
}

func checkMethod(m *pb.Method) error {
	name, timeout := m.GetName(), Duration(m.GetTimeout())
	switch {
	case name == "" || len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != "":
		return errors.New("its name has other characters than letters, digits, _ and dots")
	case len(m.GetParams()) > MaxParams:
		return fmt.Errorf("%d parameters are too many", len(m.GetParams()))
	case uint64(m.GetOptional()) > uint64(len(m.GetParams())): // a negative number is a large one here
		return errors.New("it has fewer parameters than optional ones")
	case timeout < 0 || timeout > maxTimeout:
		return fmt.Errorf("its timeout is not between 0 and %v", maxTimeout)
	}
	for _, p := range append([]*pb.Param{m.GetReturns()}, m.GetParams()...) {
		switch p.GetType() {
		case "string", "int", "boolean", "double", "array", "struct", "dateTime.iso8601", "base64", "nil", "any":
		default:
			return fmt.Errorf("%.80q is not a type of XML-RPC", p.GetType())
		}
	}
	return nil
}

// Duration takes what is out of range for 0.
func Duration(d *durationpb.Duration) time.Duration {
	if d.CheckValid() != nil {
		return 0
	}
	return d.AsDuration()
}
