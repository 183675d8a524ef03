# bash completion of supervisorctl: source it, or install it as
# /usr/share/bash-completion/completions/supervisorctl.

_supervisorctl() {
	local line word head options=() words=() i match
	line=${COMP_LINE:0:COMP_POINT}
	word=${line##*[[:space:]]}
	# Options before the action say where the daemon is.
	read -r -a words <<<"${line%"$word"}"
	for ((i = 1; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		-c | -s | -u | -p | -r | --configuration | --serverurl | --username | --password | --history_file | --fleet)
			if ((i + 1 == ${#words[@]})); then
				compopt -o default 2>/dev/null
				return
			fi
			options+=("${words[i]}" "${words[i + 1]}")
			i=$((i + 1))
			;;
		-i | --interactive) ;; # a shell would follow
		-*) options+=("${words[i]}") ;;
		*) break ;;
		esac
	done
	if ((i >= ${#words[@]})) && [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W '-c -h -i -s -u -p -r --configuration --help --interactive --serverurl --username --password --history_file --no-color --version --fleet' -- "$word"))
		return
	fi
	# bash takes colons for the ends of words, and wants only what follows the last.
	head=
	[[ $word == *:* && $COMP_WORDBREAKS == *:* ]] && head=${word%"${word##*:}"}
	COMPREPLY=()
	while IFS= read -r match; do
		COMPREPLY+=("${match#"$head"}")
	done < <("${words[0]:-supervisorctl}" "${options[@]}" completion words "${words[@]:i}" "$word|" 2>/dev/null)
}
complete -F _supervisorctl supervisorctl
