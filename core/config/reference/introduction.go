package reference

// introduction is what there is to know about the file as a whole.
func introduction() []block {
	return []block{
		{kind: paragraph, text: "`supervisord` and `supervisorctl` read one file, in the format and with the keys of Supervisor 4.4. A file for Supervisor works as it is. " +
			"Keys whose origin is Hark are additions: without them, everything behaves as in Supervisor, but for what docs/differences.md lists."},
		{kind: paragraph, text: "`supervisorctl config check` reports what is wrong with a file and what in it is likely to surprise, `supervisorctl config show` prints what takes effect, " +
			"and `echo_supervisord_conf` prints a sample to begin with."},

		{kind: heading, text: "The file"},
		{kind: paragraph, text: "Without the option `-c` the file is the first of these that is there. The first two are beside the directory of the program: for `/usr/bin/supervisord` they are in `/usr`."},
		{kind: list, items: []string{
			"`../etc/supervisord.conf`", "`../supervisord.conf`", "`supervisord.conf` in the working directory", "`etc/supervisord.conf` in the working directory",
			"`/etc/supervisord.conf`", "`/etc/supervisor/supervisord.conf`",
		}},
		{kind: paragraph, text: "It is text in UTF-8: sections, each with a header in brackets, and in them keys with their values."},
		{kind: code, text: "; a comment\n[program:web]\ncommand = /usr/bin/web --verbose\nenvironment = LANG=\"C.UTF-8\",\n    TZ=\"UTC\""},
		{kind: list, items: []string{
			"The names of keys are read without regard to case, those of sections as they are written.",
			"A line that begins with `;` or `#` is a comment. After a value, a comment begins with a space and one of these signs, even within quotes.",
			"A line that begins with white space continues the value of the line before it.",
			"Values are not quoted, except those of `environment` and the arguments of `command`.",
			"Two sections of one name are one section. Of a key that is in both, the last value counts.",
			"The keys of a section `[DEFAULT]` hold for all other sections that do not have them.",
			"A key that nobody reads is ignored, with a warning in the activity log. So is a section whose name is nearly that of another (`[progam:x]`), a `[plugin:x]` that no section names, and a header without its bracket at the end.",
			"`reread` and `update` log those that are new since the last reading, and `supervisorctl` shows them all as hints if it has the daemon's file.",
		}},

		{kind: heading, text: "Expansions"},
		{kind: paragraph, text: "In a value, `%(NAME)s` stands for what the name says, and `%%` for a percent sign. `%(NAME)d` writes a number, and `%(NAME)02d` writes it with two digits at least."},
		{kind: table, head: []string{"name", "what it stands for", "where"}, rows: [][]string{
			{"`here`", "the directory of the file", "in most keys"},
			{"`ENV_X`", "the variable X of the environment that supervisord was started in, or of `environment`", "everywhere"},
			{"`host_node_name`", "the name of the machine", "in sections of programs, `environment` and `[include]`"},
			{"`program_name`", "the x of `[program:x]`", "in sections of programs"},
			{"`group_name`", "the name of the group of the process", "in sections of programs"},
			{"`process_num`", "the number of the process, from `numprocs_start`", "in keys that are expanded for each process"},
			{"`numprocs`", "the number of processes", "in keys that are expanded for each process"},
		}},

		{kind: heading, text: "When a change takes effect"},
		{kind: paragraph, text: "`supervisorctl reread` reads the file and reports which groups have changed, and `supervisorctl update` restarts those groups and no others. " +
			"`supervisorctl config diff` says before what an update would do, and because of which keys. This holds for programs, groups, listeners and sections about plugins. " +
			"`[supervisord]`, servers and `[rpcinterface:x]` without a plugin take effect with `supervisorctl reload`, which restarts all programs."},
	}
}
