package config

func pluginSchema() SectionSchema {
	return SectionSchema{
		Name: "plugin:x", Sample: "plugin:thepluginname",
		Doc: "How the plugin x runs, where the defaults are not right. What it does is told by sections that name it: notifier:x, logsink:x, rpcinterface:x.",
		Fields: []Field{
			{Key: "command", Type: Text, Origin: fromHark, Sample: "/opt/plugins/slack", Doc: "the program, absolute, and its arguments; default: found in plugin_dirs, then among those that come with Hark"},
			{Key: "sha256", Type: SHA256, Origin: fromHark, Doc: "hash that the program must have; default: as recorded when it was installed"},
			{Key: "files", Type: PluginFiles, Origin: fromHark, Doc: "further files that the command reads and that are checked, as the script of an interpreter"},
			{Key: "user", Type: Account, Origin: fromHark, Sample: "nobody", Doc: "whom it runs as; default: as supervisord"},
			{Key: "permissions", Type: Permissions, Default: "none", Origin: fromHark, Sample: "read", Doc: "which methods it may call back: none, read or control; default none"},
			{Key: "max_processes", Type: Integer, Default: "0", Unit: "processes", Origin: fromHark, Sample: "64", Doc: "most processes and threads of its user, or of its own where cgroups can be made; default 0, no limit"},
		},
	}
}
