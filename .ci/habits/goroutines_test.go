package habits

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// A panic in a goroutine that nothing guards ends the whole daemon. The host of plugins starts each of its goroutines, and what timers and contexts call
// on theirs, by the methods of guard.Part; what a context calls may also be the cancel function of another.
func TestThePluginHostStartsItsGoroutinesInOnePlace(t *testing.T) {
	const helper = "plugins/guard"
	for _, dir := range []string{"plugins/delivery", "plugins/host", "plugins/logsink", "plugins/notify", "plugins/outlets"} {
		eachFile(t, dir, func(file string, set *token.FileSet, f *ast.File) {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s: a go statement outside %s", place(set, n), helper)
				case *ast.CallExpr:
					selector, ok := n.Fun.(*ast.SelectorExpr)
					switch {
					case !ok:
					case selector.Sel.Name == "Go":
						t.Errorf("%s: a goroutine of a WaitGroup outside %s", place(set, n), helper)
					case selector.Sel.Name == "AfterFunc" && len(n.Args) == 2 && !harmless(n.Args[1]):
						t.Errorf("%s: what AfterFunc calls is not guarded", place(set, n))
					}
				}
				return true
			})
		})
	}
}

// harmless reports whether a function is guarded, or ends a context.
func harmless(f ast.Expr) bool {
	switch f := f.(type) {
	case *ast.CallExpr:
		s, ok := f.Fun.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "Guarded"
	case *ast.SelectorExpr:
		return f.Sel.Name == "end"
	case *ast.Ident:
		return f.Name == "cancel"
	}
	return false
}

func place(set *token.FileSet, n ast.Node) string {
	return strings.TrimPrefix(set.Position(n.Pos()).String(), root+"/")
}
