#compdef supervisorctl
# zsh completion of supervisorctl: install it as _supervisorctl in a directory of $fpath.

_supervisorctl() {
	local -a options matches
	local i=2 word=${words[CURRENT]}
	while ((i < CURRENT)); do
		case ${words[i]} in
		-c | -s | -u | -p | -r | --configuration | --serverurl | --username | --password | --history_file | --fleet)
			if ((i + 1 == CURRENT)); then
				_files
				return
			fi
			options+=("${words[i]}" "${words[i + 1]}")
			((i += 2))
			;;
		-i | --interactive) ((i += 1)) ;; # a shell would follow
		-*)
			options+=("${words[i]}")
			((i += 1))
			;;
		*) break ;;
		esac
	done
	if ((i == CURRENT)) && [[ $word == -* ]]; then
		compadd -- -c -h -i -s -u -p -r --configuration --help --interactive --serverurl --username --password --history_file --no-color --version --fleet
		return
	fi
	matches=(${(f)"$(${words[1]} $options completion words ${words[i,CURRENT-1]} "$word|" 2>/dev/null)"})
	compadd -- $matches
}

if [[ ${funcstack[1]} == _supervisorctl ]]; then
	_supervisorctl "$@"
else
	compdef _supervisorctl supervisorctl
fi
