package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// daemonizer is a program that puts itself into the background unless an option prevents it.
type daemonizer struct {
	program    string   // its file's name
	foreground []string // options, or parts of one, each of which keeps it in the foreground
	instead    string   // what to write
	configured bool     // its own configuration may say so as well
}

// daemonizers follows each program's own documentation.
var daemonizers = [...]daemonizer{
	{"nginx", []string{"daemon off"}, `nginx -g "daemon off;" (no space before the semicolon)`, true},
	{"sshd", []string{"-D", "-d", "-i"}, "sshd -D", false},
	{"cron", []string{"-f"}, "cron -f", false},
	{"crond", []string{"-f", "-n", "-d"}, "crond -n, with busybox crond -f", false},
	{"rsyslogd", []string{"-n"}, "rsyslogd -n", false},
	{"apache2", []string{"-DFOREGROUND", "FOREGROUND", "-X"}, "apache2 -D FOREGROUND", false},
	{"apachectl", []string{"-DFOREGROUND", "FOREGROUND", "-X"}, "apachectl -D FOREGROUND", false},
	{"apache2ctl", []string{"-DFOREGROUND", "FOREGROUND", "-X"}, "apache2ctl -D FOREGROUND", false},
	{"vsftpd", []string{"background=NO"}, "vsftpd -obackground=NO", true},
}

// keepsForeground reports whether a command says what keeps the program in the foreground.
func (d *daemonizer) keepsForeground(command string, words []string) bool {
	return slices.ContainsFunc(d.foreground, func(sign string) bool {
		if strings.HasPrefix(sign, "-") {
			return slices.Contains(words, sign)
		}
		return strings.Contains(command, sign)
	})
}

// daemonizes says how a command goes into the background, where supervisord loses sight
// of it, and whether that is sure; "" for one of which nothing is known.
func daemonizes(command string) (why string, sure bool) {
	words := strings.Fields(command)
	if len(words) == 0 {
		return "", false
	}
	const lost = "so supervisord sees it end at once and cannot stop it"
	name := path.Base(words[0])
	if strings.HasPrefix(words[0], "/etc/init.d/") || name == "service" && len(words) == 3 && words[2] == "start" ||
		name == "systemctl" && len(words) > 1 && words[1] == "start" {
		return fmt.Sprintf("%s starts a daemon and ends, %s; run the program itself, in the foreground", words[0], lost), true
	}
	for i := range daemonizers {
		d := &daemonizers[i]
		if name == d.program && !d.keepsForeground(command, words) {
			return fmt.Sprintf("%s goes into the background unless it is told not to, %s; use %s", name, lost, d.instead), !d.configured
		}
	}
	for i, w := range words[1:] {
		switch w {
		case "--daemon", "--daemonize", "--daemonize=yes", "--background":
			if i+2 < len(words) && words[i+2] == "no" {
				continue
			}
			return fmt.Sprintf("with %s it goes into the background, %s; leave %s out", w, lost, w), true
		case "|", "&&", "||", ";":
			return "", false // a shell's line: what follows is another program's
		}
	}
	return "", false
}
