package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/kolo/xmlrpc"
)

// maxAnswer bounds an answer, in bytes. The longest there are, whole logs and
// multicalls, stay below it on the server's side.
const maxAnswer = 512 << 20

// Call calls any method. Use it for namespaces that have no methods in this package: those of plugins, and hark.
//
// Arguments are string, bool, integers (of 32 bits, as in XML-RPC), float64, slices of these and maps from string to
// these. Others are refused: XML-RPC has no nil, and bytes or structs would arrive as something else. Strings that XML
// cannot carry, with control characters or invalid UTF-8, are also refused.
//
// result is a pointer to a value for the answer (a struct with xmlrpc:"name" tags, a slice, a string, an int, ...), or
// to an any, which is set to a string, int64, bool, float64, []any or map[string]any. If result is nil, the answer is
// dropped. Base64 is returned in its encoded form. The previous value is replaced as a whole, with zero values for
// fields that the answer does not have; after an error it is unchanged.
//
// The error is a *Fault, a *StatusError, an error that wraps the context's, or says that the answer cannot be read.
// Each names the method.
func (c *Client) Call(ctx context.Context, method string, result any, args ...any) error {
	if err := c.call(ctx, method, result, args); err != nil {
		return fmt.Errorf("cannot call %s: %w", method, err)
	}
	return nil
}

func (c *Client) call(ctx context.Context, method string, result any, args []any) error {
	if !isMethodName(method) {
		return errors.New("not a name of a method")
	}
	for i, arg := range args {
		if err := checkArgument(arg, 0); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	body, err := xmlrpc.EncodeMethodCall(method, args...)
	if err != nil {
		return err
	}
	if _, has := ctx.Deadline(); !has && c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	answer, err := c.post(ctx, body)
	if err != nil {
		return err
	}
	return decode(answer, result)
}

func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body)) //nolint:gosec // whom to call is the caller's choice
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("Accept", "text/xml")
	req.Header.Set("User-Agent", "hark-sdk-client")
	if c.username != "" {
		req.SetBasicAuth(c.username, c.password)
	}
	resp, err := c.http.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // what matters of it was read
	if resp.StatusCode != http.StatusOK {
		// A short rest is read so that the connection can be used again.
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		return nil, &StatusError{resp.StatusCode}
	}
	var answer bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= maxAnswer {
		answer.Grow(int(n) + bytes.MinRead) // ReadFrom asks for that much room to see the end
	}
	n, err := answer.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the answer: %w", err)
	case n > maxAnswer:
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return answer.Bytes(), nil
}

// decode reads a methodResponse into result, or returns its fault.
func decode(doc []byte, result any) error {
	doc, err := mendAnswer(doc)
	if err != nil {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	answer := xmlrpc.Response(doc)
	if isFaultDocument(doc) {
		err := answer.Err()
		var fault xmlrpc.FaultError
		if errors.As(err, &fault) {
			return &Fault{Code: fault.Code, String: fault.String}
		}
		return fmt.Errorf("cannot read the fault: %w", err)
	}
	if result == nil {
		var ignored any
		result = &ignored
	}
	to := reflect.ValueOf(result)
	if to.Kind() != reflect.Pointer || to.IsNil() {
		return fmt.Errorf("cannot read the answer: %T is no pointer to put it into", result)
	}
	// Decode into a new value: kolo leaves a value unchanged where it reads an empty string, and it cannot decode into an any that
	// holds a value or into an array.
	fresh := reflect.New(to.Type().Elem())
	if err := answer.Unmarshal(fresh.Interface()); err != nil {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	if untyped, ok := fresh.Interface().(*any); ok && !bytes.Contains(doc, []byte("<nil")) {
		*untyped = fillEmpty(*untyped)
	}
	to.Elem().Set(fresh.Elem())
	return nil
}
