package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// failure is an error as Supervisor's supervisorctl prints it: the Python
// exception that it would have met, its text, and what to do about it.
type failure struct {
	class string
	text  string
	plain string // the same for people, "" where text is
	hint  string // "" when there is nothing to say
}

// forPeople is the error without anything of Python.
func (f *failure) forPeople() string { return cmp.Or(f.plain, f.text) }

// describe names an error. Python's words are kept where it has some, because
// scripts look for them; the place in its source that it adds is not.
func describe(err error) failure {
	const brokenOff = "the answer has broken off"
	const restart = "look into the server's log; the command may or may not have been done"
	var (
		fault    *xmlrpc.Fault
		refused  *protocolError
		syntax   *xmlrpc.SyntaxError
		badURL   *badURLError
		badReply *replyError
		cut      *truncatedError
		dns      *net.DNSError
		errno    syscall.Errno
	)
	switch {
	case errors.As(err, &fault):
		return failure{"xmlrpc.client.Fault", faultRepr(fault), plainFault(fault), ""}
	case errors.As(err, &refused):
		hint := "the address may be that of another program; check serverurl"
		switch {
		case refused.code == 401:
			hint = "give -u NAME -p PASSWORD, or username= and password= in [supervisorctl]"
		case refused.code >= 500:
			hint = restart
		}
		return failure{"xmlrpc.client.ProtocolError", refused.Error(), refused.plain(), hint}
	case errors.As(err, &syntax):
		return failure{"xml.parsers.expat.ExpatError", fmt.Sprintf("%s: line 1, column %d", syntax.Message, syntax.Offset),
			fmt.Sprintf("the answer is no XML (%s at byte %d)", syntax.Message, syntax.Offset), "what answers is not a supervisord, or not a sound one; check serverurl"}
	case errors.As(err, &badURL):
		return failure{"ValueError", badURL.Error(), "", "serverurl is http://HOST:PORT or unix:///PATH"}
	case errors.As(err, &badReply):
		return failure{"ValueError", badReply.Error(), "", ""}
	case errors.Is(err, errTimeout):
		return failure{"TimeoutError", "timed out", "the server does not answer", "the server is alive but does not answer, or is not reachable; try again, then look into its log"}
	case errors.Is(err, errTooLarge):
		return failure{"ValueError", err.Error(), "", "what answers is not a supervisord; check serverurl"}
	case errors.Is(err, errEndOfInput):
		return failure{"EOFError", "EOF when reading a line", "the input has ended", ""}
	case errors.Is(err, pytext.ErrNoClosingQuotation) || errors.Is(err, pytext.ErrNoEscapedCharacter):
		return failure{"ValueError", err.Error(), "", ""}
	case errors.Is(err, errOverflow):
		return failure{"OverflowError", err.Error(), "the number is too large", ""}
	case errors.As(err, &dns):
		return failure{"socket.gaierror", "[Errno -2] Name or service not known", "there is no host of that name", "check the host in serverurl"}
	case errors.As(err, &errno):
		return osFailure(errno)
	case errors.As(err, &cut):
		return failure{"http.client.IncompleteRead", cut.Error(), brokenOff, "the server went away while it answered; " + restart}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failure{"http.client.IncompleteRead", "IncompleteRead(0 bytes read)", brokenOff, "the server went away while it answered; " + restart}
	case errors.Is(err, io.EOF):
		return failure{"http.client.RemoteDisconnected", "Remote end closed connection without response", "the server has closed the connection", "the server went away; " + restart}
	}
	if _, line, ok := strings.Cut(err.Error(), "malformed HTTP "); ok { // net/http has no type for it
		return failure{"http.client.BadStatusLine", line, "the answer is no HTTP (" + printable(line) + ")", "what answers is not a supervisord; check serverurl"}
	}
	return failure{"Exception", err.Error(), "", "check serverurl"}
}

func osFailure(errno syscall.Errno) failure {
	class, hint := "OSError", ""
	switch errno {
	case syscall.ECONNREFUSED:
		class, hint = "ConnectionRefusedError", hintRefused
	case syscall.ENOENT:
		class, hint = "FileNotFoundError", hintNoSocket
	case syscall.EACCES, syscall.EPERM:
		class, hint = "PermissionError", "you may not use this socket: try sudo, or set chmod= and chown= of [unix_http_server]"
	case syscall.ENOTDIR:
		class, hint = "NotADirectoryError", hintNoSocket
	case syscall.ECONNRESET:
		class, hint = "ConnectionResetError", "the server went away; look into its log"
	case syscall.EPIPE:
		class, hint = "BrokenPipeError", "the server went away; look into its log"
	case syscall.ETIMEDOUT:
		class, hint = "TimeoutError", "check the host in serverurl, and the network"
	case syscall.EHOSTUNREACH, syscall.ENETUNREACH:
		hint = "check the host in serverurl, and the network"
	}
	return failure{class, fmt.Sprintf("[Errno %d] %s", int(errno), capital(errno.Error())), errno.Error(), hint}
}

// outOfReach reports whether an error is that the server could not be reached.
func outOfReach(err error) bool {
	var (
		dns   *net.DNSError
		errno syscall.Errno
	)
	return errors.As(err, &dns) || errors.As(err, &errno)
}

const (
	hintRefused  = "nothing listens there: start supervisord, or check serverurl (-s) against [unix_http_server] or [inet_http_server]"
	hintNoSocket = "there is no such socket: start supervisord, or check serverurl (-s) against file= of [unix_http_server]"
)

// capital makes Go's text of an errno libc's.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// plainFault is a fault for people: what the server says, which begins with the fault's name.
func plainFault(f *xmlrpc.Fault) string {
	if f.String == "" {
		return "the server answers with fault " + strconv.Itoa(f.Code)
	}
	return printable(f.String)
}

// faultRepr is a fault as Python prints it.
func faultRepr(f *xmlrpc.Fault) string {
	return "<Fault " + strconv.Itoa(f.Code) + ": " + pytext.Quote(f.String) + ">"
}

// replyError is an answer that is XML-RPC but not what was asked for.
type replyError struct{ text string }

func (e *replyError) Error() string { return e.text }

func replyErrorf(format string, args ...any) error { return &replyError{fmt.Sprintf(format, args...)} }

var (
	errEndOfInput = errors.New("end of input")
	errOverflow   = errors.New("int exceeds XML-RPC limits")
)

// faultText is a fault as Python prints it, and for people on a terminal as they read it.
func (r *run) faultText(f *xmlrpc.Fault) string {
	if r.onTerminal() {
		return plainFault(f)
	}
	return faultRepr(f)
}
