package reference

import (
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

// roff is a text as roff has it: backslashes and dashes escaped, `code` bold, no line that looks like a request.
func roff(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\e`), "-", `\-`)
	parts := strings.Split(text, "`")
	for i := 1; i < len(parts)-1; i += 2 {
		parts[i] = `\fB` + parts[i] + `\fR`
	}
	lines := strings.Split(strings.Join(parts, ""), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// Manual is supervisord.conf(5), with @DATE@ and @VERSION@ in the places of the date and the version.
func Manual() string {
	var b strings.Builder
	b.WriteString(".\\\" Made by make docs from the declarations in core/config. Do not edit it here.\n")
	b.WriteString(".TH \"SUPERVISORD.CONF\" \"5\" \"@DATE@\" \"@VERSION@\" \"Hark\"\n.SH NAME\nsupervisord.conf \\- the configuration of supervisord and supervisorctl\n.SH DESCRIPTION\n")
	first := true
	for _, x := range page(config.Schema()) {
		switch x.kind {
		case heading:
			fmt.Fprintf(&b, ".SH \"%s\"\n", roff(strings.ToUpper(x.text[:1])+x.text[1:]))
			first = true
			continue
		case paragraph:
			if !first {
				b.WriteString(".PP\n")
			}
			b.WriteString(roff(wrap(x.text, 100)) + "\n")
		case code:
			fmt.Fprintf(&b, ".PP\n.nf\n.RS 4\n%s\n.RE\n.fi\n", roff(x.text))
		case list:
			for _, item := range x.items {
				fmt.Fprintf(&b, ".IP \\(bu 2\n%s\n", roff(wrap(item, 100)))
			}
		case table:
			for _, row := range x.rows {
				fmt.Fprintf(&b, ".TP\n%s\n", roff("`"+strings.Trim(row[0], "`")+"`"))
				fmt.Fprintf(&b, "%s\n", roff(wrap(strings.Join(row[1:], "; "), 100)))
			}
		case key:
			fmt.Fprintf(&b, ".TP\n%s\n%s\n", roff("`"+x.text+"`"), roff(wrap(x.doc, 100)))
			if x.example != "" {
				fmt.Fprintf(&b, ".br\n%s\n", roff("`"+x.text+" = "+x.example+"`"))
			}
			fmt.Fprintf(&b, ".br\n%s\n", roff(wrap(x.facts, 100)))
		}
		first = false
	}
	b.WriteString(".SH SEE ALSO\n.BR supervisord (1),\n.BR supervisorctl (1),\n.BR echo_supervisord_conf (1)\n")
	return b.String()
}
