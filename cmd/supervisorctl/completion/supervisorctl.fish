# fish completion of supervisorctl: install it as supervisorctl.fish in a directory of $fish_complete_path.

function __supervisorctl_words
	set -l words (commandline -opc)
	set -l word (commandline -ct)
	set -l program $words[1]
	set -e words[1]
	set -l options
	while set -q words[1]
		switch $words[1]
			case -c -s -u -p -r --configuration --serverurl --username --password --history_file --fleet
				set -a options $words[1..2]
				set -e words[1]
				set -e words[1]
			case -i --interactive # a shell would follow
				set -e words[1]
			case '-*'
				set -a options $words[1]
				set -e words[1]
			case '*'
				break
		end
	end
	$program $options completion words $words "$word|" 2>/dev/null
end

complete -c supervisorctl -f -a '(__supervisorctl_words)'
complete -c supervisorctl -s h -l help -d 'print the options'
complete -c supervisorctl -s c -l configuration -r -F -d 'configuration file'
complete -c supervisorctl -s s -l serverurl -x -d 'the server'
complete -c supervisorctl -s u -l username -x
complete -c supervisorctl -s p -l password -x
complete -c supervisorctl -s r -l history_file -r -F
complete -c supervisorctl -s i -l interactive -d 'run the action, then a shell'
complete -c supervisorctl -l fleet -x -d 'the servers of [fleet:NAME]'
complete -c supervisorctl -l no-color -d 'no colours'
complete -c supervisorctl -l version -d 'version, commit and Go'
