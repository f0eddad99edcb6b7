#compdef octo-tentacle octo-tentacle.exe

# Completes command lines of octo-tentacle in zsh. To load it: eval "$(octo-tentacle completion zsh)",
# or save it as _octo-tentacle in a folder of $fpath.

_octo_tentacle() {
	local word=${(Q)PREFIX} prefix value description row
	local -a before output plain open

	# The program that was typed, or that an alias stands for.
	before=("${(@Q)words[1,CURRENT-1]}")
	local program=${before[1]/#\~\//$HOME/}
	whence -p -- $program >/dev/null || program=octo-tentacle
	output=("${(@f)$($program __complete "${(@)before[2,-1]}" "$word" 2>/dev/null </dev/null)}") || return 1

	case $output[1] in
	:words*)
		# What all have in front is not listed: the option, and what stands before in a list.
		if [[ $PREFIX == *,* ]]; then
			compset -P '*,'
		elif [[ $PREFIX == [-/]*[=:]* ]]; then
			compset -P 1 '*[=:]'
		fi
		prefix=${(Q)PREFIX}
		for value in "${(@)output[2,-1]}"; do
			description=${value#*$'\t'} value=${${value%%$'\t'*}[${#word}-${#prefix}+1,-1]}
			row=${${value//\\/\\\\}//:/\\:}${description:+:$description}
			if [[ $output[1] == *' nospace' || $value == *[=:] ]]; then
				open+=("$row")
			else
				plain+=("$row")
			fi
		done
		_describe octo-tentacle plain -- open -S ''
		;;
	:files*|:folders*)
		prefix=${${output[1]#:*[s]}# }
		[[ $PREFIX == ${(b)prefix}* ]] || return 1
		if [[ -n $prefix ]]; then
			compset -p ${#prefix}
			PREFIX=${PREFIX/#\~\//$HOME/} # which the shell does not do there
		fi
		if [[ $output[1] == :folders* ]]; then _path_files -/; else _files; fi
		;;
	*)
		return 1
		;;
	esac
}

if [[ $funcstack[1] == _octo-tentacle ]]; then
	_octo_tentacle "$@"
else
	(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
	compdef _octo_tentacle octo-tentacle octo-tentacle.exe
fi
