package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// namespaceService is the service Namespace of a plugin's process.
type namespaceService struct {
	pb.UnimplementedNamespaceServer
	r *registry
}

// Faults of Supervisor's (xmlrpc.py, Faults).
const (
	unknownMethod       = 1
	incorrectParameters = 2
)

func (s *namespaceService) Call(ctx context.Context, q *pb.CallRequest) (*pb.CallReply, error) {
	i, err := s.r.enter(ctx, instanceKey{NamespaceKind, q.GetInstance()})
	if err != nil {
		return nil, err
	}
	defer i.leave()
	var result any
	params, err := i.params(q)
	if err == nil {
		err = i.guard(q.GetMethod(), func() (err error) {
			result, err = i.impl.(Namespace).Call(ctx, q.GetMethod(), params)
			return err
		})
	}
	return replyToProto(result, err, s.r.redact.text), nil
}

// params are the parameters of a call, if there is such a method and it takes as many.
func (i *instance) params(q *pb.CallRequest) ([]any, error) {
	at := slices.IndexFunc(i.methods, func(m Method) bool { return m.Name == q.GetMethod() })
	if at < 0 {
		return nil, &Fault{unknownMethod, "UNKNOWN_METHOD"}
	}
	m, n := &i.methods[at], len(q.GetParams())
	if n > len(m.Params) || n < len(m.Params)-m.Optional {
		return nil, &Fault{incorrectParameters, "INCORRECT_PARAMETERS"}
	}
	return paramsFromProto(q.GetParams())
}

// Call calls a method of a namespace that Configure made, by its name without the namespace. It may be called by many
// goroutines. Structs in the result are of type Struct. The error is a *Fault where the method answered with one.
func (c *Client) Call(ctx context.Context, name, method string, params []any) (any, error) {
	values, err := paramsToProto(params)
	if err != nil {
		return nil, err
	}
	reply, err := c.namespace.Call(ctx, &pb.CallRequest{Instance: name, Method: method, Params: values})
	if err != nil {
		return nil, callError(ctx, err)
	}
	return replyFromProto(reply, true)
}

const (
	maxMethods = 1000
	maxParams  = 100
	maxTimeout = time.Hour // of one method
)

// checkMethods reports what is wrong with a namespace's methods.
func checkMethods(methods []Method) error {
	if len(methods) > maxMethods {
		return fmt.Errorf("%d methods are too many", len(methods))
	}
	seen := map[string]bool{}
	for i := range methods {
		m := &methods[i]
		if err := m.check(); err != nil {
			return fmt.Errorf("the method %.80q: %w", m.Name, err)
		}
		if seen[m.Name] {
			return fmt.Errorf("the method %.80q is there twice", m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}

func (m *Method) check() error {
	switch {
	case m.Name == "" || len(m.Name) > maxName || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != "":
		return errors.New("its name has other characters than letters, digits, _ and dots")
	case len(m.Params) > maxParams:
		return fmt.Errorf("%d parameters are too many", len(m.Params))
	case m.Optional < 0 || m.Optional > len(m.Params):
		return errors.New("it has fewer parameters than optional ones")
	case m.Timeout < 0 || m.Timeout > maxTimeout:
		return fmt.Errorf("its timeout is not between 0 and %v", maxTimeout)
	}
	for _, p := range append(slices.Clone(m.Params), m.Returns) {
		switch p.Type {
		case "string", "int", "boolean", "double", "array", "struct", "dateTime.iso8601", "base64", "nil", "any":
		default:
			return fmt.Errorf("%.80q is not a type of XML-RPC", p.Type)
		}
	}
	return nil
}

func methodsToProto(methods []Method) []*pb.Method {
	var out []*pb.Method
	for _, m := range methods {
		p := &pb.Method{
			Name: m.Name, Optional: uint32(m.Optional), Returns: paramToProto(m.Returns), Help: cleanText(m.Help), ReadOnly: m.ReadOnly,
		}
		if m.Timeout > 0 {
			p.Timeout = durationpb.New(m.Timeout)
		}
		for _, param := range m.Params {
			p.Params = append(p.Params, paramToProto(param))
		}
		out = append(out, p)
	}
	return out
}

func paramToProto(p Param) *pb.Param {
	return &pb.Param{Type: p.Type, Name: cleanText(p.Name), Help: cleanText(p.Help)}
}

func methodsFromProto(described []*pb.Method) ([]Method, error) {
	var methods []Method
	for _, p := range described {
		m := Method{
			Name: p.GetName(), Optional: int(p.GetOptional()), Returns: paramFromProto(p.GetReturns()), Help: cleanText(p.GetHelp()),
			ReadOnly: p.GetReadOnly(), Timeout: durationFromProto(p.GetTimeout()),
		}
		for _, param := range p.GetParams() {
			m.Params = append(m.Params, paramFromProto(param))
		}
		methods = append(methods, m)
	}
	return methods, checkMethods(methods)
}

func paramFromProto(p *pb.Param) Param {
	return Param{Type: p.GetType(), Name: oneLine(p.GetName()), Help: oneLine(p.GetHelp())}
}
