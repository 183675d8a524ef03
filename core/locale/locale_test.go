//go:build linux

package locale

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// python is the reference: Debian's Python is what runs Supervisor.
const python = "/usr/bin/python3"

// pythons is LC_CTYPE as Python has it after its start in that environment.
func pythons(t testing.TB, environ []string) string {
	t.Helper()
	// Without site, which takes longer than the rest.
	cmd := exec.Command(python, "-S", "-c", "import os; print(repr(os.environ.get('LC_CTYPE')), end='')")
	cmd.Env = environ
	if environ == nil {
		cmd.Env = []string{} // nil would be ours
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", environ, err)
	}
	return string(out)
}

// setlocales reports for each LANG and LOCPATH whether setlocale(LC_CTYPE, "") takes
// it, and for something other than "C".
func setlocales(t testing.TB, cases [][2]string) []bool {
	t.Helper()
	const script = `
import os, sys, _locale
for line in sys.stdin.buffer.read().split(b"\n")[:-1]:
    os.environb[b"LANG"], os.environb[b"LOCPATH"] = line.split(b"\t")
    try: found = _locale.setlocale(_locale.LC_CTYPE, "") != "C"
    except _locale.Error: found = False
    sys.stdout.write("01"[found])
`
	cmd := exec.Command(python, "-S", "-c", script)
	cmd.Env = []string{"PYTHONCOERCECLOCALE=0", "PYTHONUTF8=1"}
	var in strings.Builder
	for _, c := range cases {
		in.WriteString(c[0] + "\t" + c[1] + "\n")
	}
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil || len(out) != len(cases) {
		t.Fatalf("%v, %q", err, out)
	}
	found := make([]bool, len(cases))
	for i, c := range out {
		found[i] = c == '1'
	}
	return found
}

func ours(environ []string) string {
	for _, v := range Environ(environ) {
		if value, ok := strings.CutPrefix(v, "LC_CTYPE="); ok {
			return "'" + value + "'"
		}
	}
	return "None"
}

// locales is a directory for LOCPATH with locales made of C.UTF-8's, which are
// installed nowhere else.
func locales(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(localeDir, "C.utf8", category))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		file := filepath.Join(dir, name, category)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"xx_YY.utf8", "xx_AA.utf8@mod", "xx", "zz_ZZ", "ww_WW.UTF-8", "vv@mod", "sysx"} {
		write(name, data)
	}
	latin := bytes.ReplaceAll(data, []byte("UTF-8\x00"), []byte("CP437\x00")) // of the same length
	if bytes.Equal(latin, data) {
		t.Fatal("C.UTF-8 does not tell its codeset where it is looked for")
	}
	write("cp_XX", latin)
	write("cp_YY.utf8", latin)
	write("cut_XX.utf8", data[:40])
	write("bad_XX.utf8", append([]byte("nothing "), data[8:]...))
	sys := filepath.Join(dir, "dir_XX.utf8", category)
	if err := os.MkdirAll(sys, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sys, "SYS_LC_CTYPE"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEnvironIsPythons(t *testing.T) {
	dir := locales(t)
	cases := [][]string{
		nil,
		{"LANG="}, {"LANG=C"}, {"LANG=POSIX"}, {"LANG=c"}, {"LANG=posix"},
		{"LC_ALL=C"}, {"LC_ALL=POSIX"}, {"LC_ALL="}, {"LC_ALL=xx_NONE.UTF-8"}, {"LC_ALL=C.UTF-8"}, {"LC_ALL=C", "LANG=C.UTF-8"},
		{"LC_CTYPE=C"}, {"LC_CTYPE=POSIX"}, {"LC_CTYPE="}, {"LC_CTYPE=C.UTF-8"}, {"LC_CTYPE=xx_NONE"},
		{"LC_CTYPE=C", "LANG=C.UTF-8"}, {"LC_CTYPE=xx_NONE", "LANG=C.UTF-8"}, {"LC_CTYPE=", "LANG=C.UTF-8"}, {"LC_CTYPE=C.UTF-8", "LANG=C"},
		{"LC_MESSAGES=C.UTF-8"}, {"LANGUAGE=de"},
		{"PYTHONCOERCECLOCALE=0"}, {"PYTHONCOERCECLOCALE=1"}, {"PYTHONCOERCECLOCALE="}, {"PYTHONCOERCECLOCALE=00"}, {"PYTHONCOERCECLOCALE=0", "LANG=C"},
		{"PYTHONCOERCECLOCALE=warn"}, {"PYTHONCOERCECLOCALE=1", "LC_ALL=C"}, {"PYTHONCOERCECLOCALE=1", "LANG=C.UTF-8"}, {"PYTHONCOERCECLOCALE=no"},
		{"PYTHONUTF8=1"}, {"PYTHONUTF8=0"}, {"PYTHONIOENCODING=latin-1"},
		{"LOCPATH=/nowhere"}, {"LOCPATH="}, {"LOCPATH=:"}, {"LOCPATH=/nowhere", "LANG=C.UTF-8"},
		{"LANG=C.UTF-8"}, {"LANG=C.utf8"}, {"LANG=xx_NONE.UTF-8"}, {"LANG=C_US.UTF-8@x"}, {"LANG=xx_YY.UTF-8", "LOCPATH=" + dir}, {"LC_CTYPE=xx_YY.UTF-8", "LOCPATH=" + dir, "LANG=C"}, {"LANG=xx_YY.UTF-8"},
	}
	for _, environ := range cases {
		if got, want := ours(environ), pythons(t, environ); got != want {
			t.Errorf("%q: LC_CTYPE is %s, Python's %s", environ, got, want)
		}
	}
}

func TestALocaleIsInstalledWhereTheCLibraryHasIt(t *testing.T) {
	dir := locales(t)
	var cases [][2]string
	for _, name := range []string{
		"C.UTF-8", "C.utf8", "C.utf-8", "C.Utf8", "C.UTF_8", "C.UTF8", "c.UTF-8", "C.UTF-8@", "C.UTF-8@euro", "C_US.UTF-8", "C_US.UTF-8@x", "C_.UTF-8",
		"C.", "C@", "C_", "C_US", "C@x", "C.ISO-8859-1", "C.UTF-16", "C.ASCII", "C.8", "C.-", "POSIX.UTF-8", "UTF-8", "utf8", ".UTF-8", "@x", "_US.UTF-8", "_", ".", "..", "...", "POSIX@x",
		"en_US.UTF-8", "en_US.utf8", "en_US", "en", "de_DE.UTF-8", "de_DE.ISO-8859-1", "de_DE", "de_DE@euro", "de_DE.ISO-8859-15@euro", "de_DE.UTF-8@euro", "german", "deutsch", "german.UTF-8", "GERMAN",
		"ja_JP.eucJP", "ja_JP.UTF-8", "ja_JP", "ja_JP.EUC-JP", "sr_RS.UTF-8@latin", "sr_RS@latin", "eo", "eo.UTF-8", "nb_NO.UTF-8", "no_NO", "bokmal", "french", "fr_FR.8859-1", "fr_FR.88591", "fr_FR.iso88591",
		"/usr/lib/locale/C.utf8", "/C.UTF-8", "//C.UTF-8", "/C.UTF-8/.", "/../C.UTF-8", "/..", "a/..", "../locale/C.utf8", "C.utf8/.", "./C.utf8", "C.utf8/..", " C.UTF-8", "C.UTF-8 ", "C UTF-8", "\xff", "Ä", "none", strings.Repeat("x", 255), strings.Repeat("x", 256), "C.UTF-8@" + strings.Repeat("x", 247), "C.UTF-8@" + strings.Repeat("x", 248),
	} {
		cases = append(cases, [2]string{name, ""}, [2]string{name, "/nowhere:" + dir})
	}
	for _, name := range []string{
		"xx_YY.utf8", "xx_YY.UTF-8", "xx_YY", "xx_YY.UTF-8@mod", "xx_YY@mod", "xx_ZZ.UTF-8", "xx_AA.UTF-8@mod", "xx_AA.UTF-8", "xx", "xx.UTF-8", "xx.ISO-8859-1", "xx@q", "zz_ZZ", "zz_ZZ.UTF-8", "zz_ZZ.ISO-8859-1", "zz_ZZ.", "zz", "zz_AA",
		"ww_WW.UTF-8", "ww_WW.utf8", "ww_WW.utf-8", "vv", "vv@mod", "vv_VV@mod", "vv.UTF-8@mod", "cp_XX", "cp_XX.CP437", "cp_XX.cp437", "cp_XX.UTF-8", "cp_YY.UTF-8", "cp_YY.utf8", "cut_XX.UTF-8", "bad_XX.UTF-8", "dir_XX.UTF-8", "sysx",
	} {
		cases = append(cases, [2]string{name, dir}, [2]string{name, ":" + dir + ":/nowhere"}, [2]string{name, ""})
	}
	for i, want := range setlocales(t, cases) {
		l := system()
		l.path = cases[i][1]
		if got := l.installed(cases[i][0]); got != want {
			t.Errorf("LANG %q, LOCPATH %q: installed %v, setlocale says %v", cases[i][0], cases[i][1], got, want)
		}
	}
}

func TestEnvironLeavesTheRestAlone(t *testing.T) {
	environ := []string{"A=1", "LC_CTYPE=C", "B=LC_CTYPE=x", "LC_CTYPE=POSIX", "odd"}
	l := library{dir: t.TempDir()}
	if got := l.environ(environ); !slices.Equal(got, environ) {
		t.Errorf("without any locale there is %q", got)
	}
	got := Environ(environ)
	if want := []string{"A=1", "LC_CTYPE=C.UTF-8", "B=LC_CTYPE=x", "odd"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	if environ[1] != "LC_CTYPE=C" {
		t.Error("the caller's slice was changed")
	}
}

// An archive made by localedef.
func TestTheArchiveIsRead(t *testing.T) {
	prefix := t.TempDir()
	dir := filepath.Join(prefix, localeDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	for _, name := range []string{"xx_YY.utf8", "xx_YY@mod", "zz_ZZ.utf8@mod"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(localeDir, "C.utf8"), filepath.Join(whole, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := exec.Command("localedef", "--prefix="+prefix, "--add-to-archive", filepath.Join(whole, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	alias := filepath.Join(prefix, "alias")
	if err := os.WriteFile(alias, []byte("# comment zz_ZZ.UTF-8@mod\n\nshort xx_YY.UTF-8\nlost xx_NO.UTF-8\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := library{dir: dir, alias: alias}
	for name, want := range map[string]bool{
		"xx_YY.UTF-8": true, "xx_YY.utf8": true, "xx_YY@mod": true, "xx_YY.UTF-8@mod": true, "zz_ZZ.UTF-8@mod": true, "short": true, "SHORT": true,
		"xx_YY.ISO-8859-1": false, "xx": false, "zz_ZZ.UTF-8": false, "zz_ZZ@mod": false, "lost": false, "#": false, "comment": false, "C.UTF-8": false,
	} {
		if got := l.installed(name); got != want {
			t.Errorf("%s is installed: %v", name, got)
		}
	}
	archive := filepath.Join(dir, archiveName)
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	// One that is cut off, or none, has nothing.
	for size := 0; size < 200; size += 7 {
		if archiveHas(bytes.NewReader(data[:size]), "xx_YY.utf8") {
			t.Errorf("found in %d bytes", size)
		}
	}
}

func FuzzTheArchiveIsNotTrusted(f *testing.F) {
	f.Add([]byte("\x09\x01\x02\xde\x00\x00\x00\x00\x20\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x2c\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x2c\x00\x00\x00\x01\x00\x00\x00xx\x00\x00\x00\x00\x00\x00"), "xx")
	f.Add([]byte{}, "C.UTF-8")
	f.Fuzz(func(t *testing.T, archive []byte, name string) {
		if archiveHas(bytes.NewReader(archive), name) && !bytes.Contains(archive, append([]byte(name), 0)) {
			t.Errorf("%q was found where it is not", name)
		}
	})
}
