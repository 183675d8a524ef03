package habits

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// root is the module's directory.
const root = "../.."

// lockedByDefer are the directories, with all below them, in which a lock is released by defer.
var lockedByDefer = []string{"cmd/supervisord", "core", "eventlistener", "internal", "plugins", "sdk", "testplugins"}

// undeferred are the functions that release a lock otherwise, as file:function, each with the reason.
var undeferred = map[string]string{
	"core/child/poller.go:working":           "where the thread hangs in its work the lock is that of the thread that goes on in its place",
	"plugins/bundled/shoutrrr/stage.go:take": "run and RoundTrip give it back by defer",
}

// A lock that is not released by defer is lost with the first panic between: whoever wants it next waits without end, and with them the daemon.
func TestLocksAreReleasedByDefer(t *testing.T) {
	found := map[string]bool{}
	for _, dir := range lockedByDefer {
		eachFile(t, dir, func(file string, set *token.FileSet, f *ast.File) {
			for _, declared := range f.Decls {
				function, ok := declared.(*ast.FuncDecl)
				if !ok {
					continue
				}
				for _, call := range openLocks(function) {
					of := file + ":" + function.Name.Name
					if found[of] = true; undeferred[of] == "" {
						t.Errorf("%s: the next statement does not defer its unlock", place(set, call))
					}
				}
			}
		})
	}
	for of := range undeferred {
		if !found[of] {
			t.Errorf("%s is no longer an exception", of)
		}
	}
}

// eachFile calls f with every file of Go in a directory and below it that is no test.
func eachFile(t *testing.T, dir string, f func(file string, set *token.FileSet, parsed *ast.File)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err == nil {
			f(strings.TrimPrefix(path, root+"/"), set, parsed)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files in %s: %v", files, dir, err)
	}
}

// openLocks are the places where a lock is taken and not released by a defer that follows at once.
func openLocks(function *ast.FuncDecl) (open []*ast.CallExpr) {
	held := map[ast.Node]bool{} // calls of Lock that a defer follows
	ast.Inspect(function, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		}
		for i := range list {
			statement, ok := list[i].(*ast.ExprStmt)
			if !ok || i+1 == len(list) {
				continue
			}
			call, ok := statement.X.(*ast.CallExpr)
			next, deferred := list[i+1].(*ast.DeferStmt)
			if !ok || !deferred {
				continue
			}
			of, method := methodOf(call)
			released, after := methodOf(next.Call)
			switch {
			case of != released:
			case opposite[method] != "" && opposite[method] == after:
				held[call] = true
			case opposite[after] != "" && opposite[after] == method: // given back for a while
				held[next.Call] = true
			}
		}
		if call, ok := n.(*ast.CallExpr); ok {
			if _, method := methodOf(call); opposite[method] != "" && !held[call] {
				open = append(open, call)
			}
		}
		return true
	})
	return open
}

// opposite releases what a method locks.
var opposite = map[string]string{"Lock": "Unlock", "RLock": "RUnlock"}

// methodOf is the method without parameters that a call calls, and of what; "": it is another kind of call.
func methodOf(call *ast.CallExpr) (of, method string) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) > 0 {
		return "", ""
	}
	return types.ExprString(selector.X), selector.Sel.Name
}

func TestOpenLocksAreFound(t *testing.T) {
	for body, want := range map[string]int{
		"m.Lock(); defer m.Unlock(); f()":                      0,
		"s.m.RLock(); defer s.m.RUnlock()":                     0,
		"m.Unlock(); defer m.Lock(); f()":                      0,
		"m.Lock(); f(); m.Unlock()":                            1,
		"m.Lock(); defer m.RUnlock()":                          1,
		"m.Lock(); defer n.Unlock()":                           1,
		"m.Lock()":                                             1,
		"m.Lock(); f(); defer m.Unlock()":                      1,
		"f(func() { m.Lock(); defer m.Unlock() })":             0,
		"f(func() { m.Lock() })":                               1,
		"switch { case x: m.Lock(); f(); m.Unlock() }":         1,
		"select { case <-x: m.RLock(); defer m.RUnlock() }":    0,
		"if x { m.Lock() }; defer m.Unlock()":                  1,
		"defer m.Lock()":                                       1,
		"if m.TryLock() { defer m.Unlock() }; flock.Lock(1)()": 0,
	} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc g() { "+body+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(openLocks(parsed.Decls[0].(*ast.FuncDecl))); got != want {
			t.Errorf("%s: %d open locks, want %d", body, got, want)
		}
	}
}
