package xmlrpc

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func call(value string) string {
	return "<methodCall><methodName>m</methodName><params><param><value>" + value + "</value></param></params></methodCall>"
}

func TestDecodeCallValues(t *testing.T) {
	for _, tt := range []struct {
		name, xml string
		want      any
	}{
		{"an int", "<int>5</int>", 5},
		{"an i4", "<i4>-5</i4>", -5},
		{"an i8", "<i8>5000000000</i8>", 5000000000},
		{"an int with white space and a plus", "<int> +5\n</int>", 5},
		{"an int with underscores, as int() takes it", "<int>1_000</int>", 1000},
		{"true", "<boolean>1</boolean>", true},
		{"false", "<boolean>0</boolean>", false},
		{"a boolean that is neither is false there too", "<boolean>true</boolean>", false},
		{"a string", "<string>a b</string>", "a b"},
		{"an empty string", "<string></string>", ""},
		{"a self-closed string", "<string/>", ""},
		{"an untyped string", "abc", "abc"},
		{"an untyped string of spaces", "  ", "  "},
		{"an untyped empty string", "", ""},
		{"white space around a typed value", "\n <int>3</int>\n ", 3},
		{"a string with references", "<string>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</string>", `<&>"'AB`},
		{"a string with CDATA", "<string>a<![CDATA[<b>&amp;]]>c</string>", "a<b>&amp;c"},
		{"an empty CDATA", "<string><![CDATA[]]></string>", ""},
		{"a string with a comment and a processing instruction", "<string>a<!-- x -->b<?pi ?>c</string>", "abc"},
		{"a string with line ends", "<string>a\r\nb\rc\nd</string>", "a\nb\nc\nd"},
		{"line ends in CDATA", "<string><![CDATA[a\r\nb\rc]]></string>", "a\nb\nc"},
		{"a referenced line end is kept", "<string>a&#13;b</string>", "a\rb"},
		{"brackets", "<string>a]]b]</string>", "a]]b]"},
		{"UTF-8", "<string>žluťoučký 🐎</string>", "žluťoučký 🐎"},
		{"attributes are skipped", `<string xml:space="preserve" a='x&amp;"y'>v</string>`, "v"},
		{"text before a tag with a referencing attribute", `<string>v<![CDATA[w]]></string >`, "vw"},
		{"a double", "<double>1.5</double>", 1.5},
		{"a whole double", "<double> -3 </double>", -3.0},
		{"a time", "<dateTime.iso8601>20260102T03:04:05</dateTime.iso8601>", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"base64", "<base64>aGV s\nbG8=</base64>", []byte("hello")},
		{"nil", "<nil/>", nil},
		{"an array", "<array><data><value>a</value><value><int>1</int></value></data></array>", []any{"a", 1}},
		{"an empty array", "<array><data/></array>", []any{}},
		{"a struct", "<struct><member><name>a&lt;</name><value><int>1</int></value></member></struct>", Struct{{"a<", 1}}},
		{"an empty struct", "<struct></struct>", Struct{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, params, err := DecodeCall([]byte(call(tt.xml)))
			if err != nil || method != "m" || len(params) != 1 {
				t.Fatalf("DecodeCall = %q, %v, %v", method, params, err)
			}
			if !reflect.DeepEqual(params[0], tt.want) {
				t.Errorf("got %#v, want %#v", params[0], tt.want)
			}
		})
	}
}

func TestDecodeCallEnvelopes(t *testing.T) {
	for _, tt := range []struct {
		name, doc, method string
		params            int
	}{
		{"a declaration and a byte order mark", "\ufeff<?xml version='1.0' encoding='iso-8859-1'?>\n" + call("x"), "m", 1},
		{"no params", "<methodCall><methodName>m</methodName></methodCall>", "m", 0},
		{"empty params", "<methodCall><methodName>m</methodName><params/></methodCall>", "m", 0},
		{"no method name", "<methodCall><params/></methodCall>", "", 0},
		{"a method name with spaces keeps them", "<methodCall><methodName> m </methodName></methodCall>", " m ", 0},
		{"unknown elements", "<methodCall><x><y>1</y></x><methodName>m</methodName></methodCall><!-- end -->\n", "m", 0},
		{"a document type without declarations", `<!DOCTYPE methodCall SYSTEM "http://127.0.0.1/[x]">` + call("x"), "m", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, params, err := DecodeCall([]byte(tt.doc))
			if err != nil || method != tt.method || len(params) != tt.params {
				t.Errorf("DecodeCall = %q, %v, %v", method, params, err)
			}
		})
	}
}

func TestDecodeCallRefuses(t *testing.T) {
	nested := func(n int, open, shut string) string {
		return call(strings.Repeat(open, n) + "x" + strings.Repeat(shut, n))
	}
	for _, tt := range []struct{ name, doc string }{
		{"nothing", ""},
		{"white space", " \n"},
		{"plain text", "hello"},
		{"another root", "<methodResponse/>"},
		{"an unfinished document", "<methodCall><methodName>m"},
		{"an unfinished tag", "<methodCall"},
		{"an unfinished attribute", "<methodCall a='"},
		{"an attribute without value", "<methodCall a/>"},
		{"an attribute with markup", "<methodCall a='<'/>"},
		{"mismatched tags", "<methodCall><methodName>m</params></methodCall>"},
		{"a second root", call("x") + call("x")},
		{"text after the root", call("x") + "x"},
		{"an end tag alone", "</methodCall>"},
		{"a nameless tag", "<methodCall>< a></methodCall>"},
		{"an entity bomb", `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + call("&b;")},
		{"an external entity", `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + call("&a;")},
		{"an undeclared entity", call("&nbsp;")},
		{"an undeclared entity in an attribute", "<methodCall a='&nbsp;'/>"},
		{"a lone ampersand", call("a & b")},
		{"a reference to a NUL", call("&#0;")},
		{"a reference to a surrogate", call("&#xD800;")},
		{"a reference beyond Unicode", call("&#x110000;")},
		{"a negative reference", call("&#-65;")},
		{"a huge reference", call("&#99999999999999999999;")},
		{"a control character", call("a\x01b")},
		{"a NUL", call("a\x00b")},
		{"a control character in a comment", call("<!-- \x01 -->")},
		{"a non-character", call("a\uffffb")},
		{"invalid UTF-8", call("a\xffb")},
		{"an overlong encoding", call("a\xc0\xafb")},
		{"an encoded surrogate", call("a\xed\xa0\x80b")},
		{"a bare CDATA end", call("a]]>b")},
		{"an unfinished CDATA", call("<![CDATA[")},
		{"CDATA outside the root", "<![CDATA[x]]>" + call("x")},
		{"an unfinished comment", call("<!-- x")},
		{"a comment with two hyphens", call("<!-- a -- b -->")},
		{"an unfinished document type", "<!DOCTYPE x"},
		{"a document type inside", call("<!DOCTYPE x>")},
		{"an unknown declaration", "<!ELEMENT x>" + call("x")},
		{"arrays nested too deeply", nested(65, "<array><data><value>", "</value></data></array>")},
		{"structs nested too deeply", nested(65, "<struct><member><name>a</name><value>", "</value></member></struct>")},
		{"unknown elements nested too deeply", "<methodCall>" + strings.Repeat("<a>", 10000)},
		{"too many elements", "<methodCall>" + strings.Repeat("<a/>", MaxCallElements) + "</methodCall>"},
		{"an empty int", call("<int></int>")},
		{"an int with letters", call("<int>5x</int>")},
		{"a hexadecimal int", call("<int>0x10</int>")},
		{"an int beyond 64 bits", call("<int>" + strings.Repeat("9", 20) + "</int>")},
		{"a very long int", call("<int>" + strings.Repeat("9", 1<<20) + "</int>")},
		{"misplaced underscores", call("<int>1__0</int>")},
		{"a double that overflows", call("<double>1e999</double>")},
		{"an infinite double", call("<double>inf</double>")},
		{"a double that is no number", call("<double>nan</double>")},
		{"a hexadecimal double", call("<double>0x1p2</double>")},
		{"a bad time", call("<dateTime.iso8601>yesterday</dateTime.iso8601>")},
		{"bad base64", call("<base64>*</base64>")},
		{"an unknown type", call("<float>1</float>")},
		{"two values in one", call("<int>1</int><int>2</int>")},
		{"an element in a string", call("<string><b>x</b></string>")},
		{"an array without data", call("<array/>")},
		{"an array with something else", call("<array><data><int>1</int></data></array>")},
		{"an array with two data", call("<array><data/><data/></array>")},
		{"a struct with something else", call("<struct><value/></struct>")},
		{"a member without name", call("<struct><member><value/></member></struct>")},
		{"a member without value", call("<struct><member><name>a</name></member></struct>")},
		{"a param without value", "<methodCall><methodName>m</methodName><params><param/></params></methodCall>"},
		{"params with something else", "<methodCall><methodName>m</methodName><params><value/></params></methodCall>"},
		{"a method name with elements", "<methodCall><methodName><a/></methodName></methodCall>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, params, err := DecodeCall([]byte(tt.doc))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("DecodeCall = %q, %v, %v; want a *SyntaxError", method, params, err)
			}
		})
	}
}

func TestDecodeCallTakesTheDeepestNesting(t *testing.T) {
	doc := call(strings.Repeat("<array><data><value>", MaxDepth) + "x" + strings.Repeat("</value></data></array>", MaxDepth))
	if _, _, err := DecodeCall([]byte(doc)); err != nil {
		t.Error(err)
	}
}

func TestDecodeResponse(t *testing.T) {
	value, err := DecodeResponse([]byte("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><int>7</int></value>\n</param>\n</params>\n</methodResponse>\n"))
	if value != 7 || err != nil {
		t.Errorf("got %v, %v", value, err)
	}
	_, err = DecodeResponse(AppendFault(nil, &Fault{Code: 10, String: "BAD_NAME: <x>"}))
	var fault *Fault
	if !errors.As(err, &fault) || *fault != (Fault{10, "BAD_NAME: <x>"}) {
		t.Errorf("got %v", err)
	}
	for _, doc := range []string{"", "<methodCall/>", "<methodResponse/>", "<methodResponse><x/></methodResponse>",
		"<methodResponse><fault><value>x</value></fault></methodResponse>", "<html><body>no</body></html>"} {
		var syntax *SyntaxError
		if _, err := DecodeResponse([]byte(doc)); !errors.As(err, &syntax) {
			t.Errorf("DecodeResponse(%q): %v", doc, err)
		}
	}
}

// Whatever is accepted survives being encoded and decoded again.
func FuzzDecodeCall(f *testing.F) {
	f.Add([]byte(call("<array><data><value><i4>1</i4></value><value>a&amp;b</value></data></array>")))
	f.Add([]byte(call("<struct><member><name>n</name><value><double>1.5</double></value></member></struct>")))
	f.Add([]byte("<?xml version='1.0'?><!DOCTYPE a><methodCall a='&lt;'><!-- c --><methodName><![CDATA[m]]></methodName></methodCall>"))
	f.Add([]byte(call("<base64>aGVsbG8=</base64>")))
	f.Add([]byte(call("<dateTime.iso8601>20260102T03:04:05</dateTime.iso8601>")))
	f.Fuzz(func(t *testing.T, doc []byte) {
		method, params, err := DecodeCall(doc)
		if err != nil {
			return
		}
		again, err := AppendCall(nil, method, params...)
		if err != nil {
			t.Fatalf("cannot encode %q %#v: %v", method, params, err)
		}
		method2, params2, err := DecodeCall(again)
		if err != nil {
			t.Fatalf("cannot decode again: %v\n%s", err, again)
		}
		third, err := AppendCall(nil, method2, params2...)
		// A carriage return that came as &#13; leaves as Python sends it, raw, and is then a line end.
		normal := strings.NewReplacer("\r\n", "\n", "\r", "\n")
		if err != nil || normal.Replace(string(third)) != normal.Replace(string(again)) {
			t.Fatalf("changed: %v\n%s\n%s", err, again, third)
		}
	})
}
