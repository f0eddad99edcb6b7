# Completes command lines of octo-tentacle in bash, 3.2 or later, with or without the package
# bash-completion. To load it: eval "$(octo-tentacle completion bash)"

_octo_tentacle() {
	COMPREPLY=()

	# The words up to the cursor, as the shell will unquote them. Bash replaces only a part of the last
	# one: what follows = or :, or the quote that is open. It begins at $start.
	local line=${COMP_LINE:0:COMP_POINT} word='' quote='' begun='' redirected='' start=0 before=0 i char
	local -a words
	words=()
	for ((i = 0; i < ${#line}; i++)); do
		char=${line:i:1}
		if [[ $quote && $char == "$quote" ]]; then
			quote='' start=$before
		elif [[ $quote == "'" ]]; then
			word+=$char
		elif [[ $char == \\ && (! $quote || ${line:i+1:1} == [\$\`\"\\]) ]]; then
			((++i))
			word+=${line:i:1} begun=1
		elif [[ $quote ]]; then
			word+=$char
		elif [[ $char == [\"\'] ]]; then
			quote=$char begun=1 before=$start start=${#word}
		elif [[ $char == [[:space:]\<\>] ]]; then
			if [[ $begun && ! $redirected && ! ($char == [\<\>] && $word == [0-9]) ]]; then
				words+=("$word")
			fi
			if [[ $begun ]]; then
				word='' begun='' redirected='' start=0
			fi
			if [[ $char == [\<\>] ]]; then
				redirected=1
			fi
		else
			word+=$char begun=1
			if [[ $COMP_WORDBREAKS == *"$char"* ]]; then
				start=${#word}
				[[ $char == @ ]] && start=$((start - 1)) # an @ is replaced, too
			fi
		fi
	done
	words+=("$word")

	if [[ $redirected ]]; then
		__octo_tentacle_files -f ''
		return
	fi
	# The program that was typed, or that an alias stands for.
	local program=${words[0]} output
	[[ $program == \~/* ]] && program=$HOME/${program:2}
	type -P -- "$program" >/dev/null || program=octo-tentacle
	output=$("$program" __complete "${words[@]:1}" 2>/dev/null </dev/null) || return 0
	case $output in
	:words*) __octo_tentacle_words "$output" ;;
	:files*) __octo_tentacle_files -f "${output#:files}" ;;
	:folders*) __octo_tentacle_files -d "${output#:folders}" ;;
	esac
}

# These use the variables of _octo_tentacle.

__octo_tentacle_words() {
	local value description row width=0 nospace=''
	local -a descriptions
	descriptions=()
	[[ $1 == *$'\n'* ]] || return 0
	[[ $1 == ':words nospace'* ]] && nospace=1
	while IFS=$'\t' read -r value description; do
		__octo_tentacle_quote "${value:start}"
		COMPREPLY+=("$value")
		descriptions+=("$description")
		((${#value} > width)) && width=${#value}
	done <<<"${1#*$'\n'}"

	if ((${#COMPREPLY[@]} == 1)); then
		if [[ $nospace || ${COMPREPLY[0]} == *[=:] ]]; then
			return 0
		elif [[ $quote ]]; then
			compopt +o nospace 2>/dev/null # the space follows the quote
		else
			COMPREPLY[0]+=' '
		fi
		return 0
	fi
	# Readline lists what it is given (COMP_TYPE: ?, ! or @): with descriptions, one in a line, if all
	# fit on the screen.
	local columns=${COLUMNS:-80}
	case ${COMP_TYPE:-} in
	63 | 33 | 64) ;;
	*) return 0 ;;
	esac
	((${#COMPREPLY[@]} + 2 < ${LINES:-24} && width + 20 < columns)) || return 0
	for i in "${!COMPREPLY[@]}"; do
		[[ ${descriptions[i]} ]] || continue
		printf -v row '%-*s  %s' "$width" "${COMPREPLY[i]}" "${descriptions[i]}"
		printf -v row '%-*s' $((columns / 2)) "${row:0:columns-1}"
		COMPREPLY[i]=$row
	done
}

# Readline quotes and shortens file names, and marks folders: not in bash 3.2, and not if there is
# something in front of the name in what it replaces, as in "--config=
__octo_tentacle_files() {
	local prefix=${2# } readline=1 name value
	local file=${word:${#prefix}}
	if [[ $prefix && $file == \~/* ]]; then
		file=$HOME/${file:2} # which the shell does not do there
	fi
	((start >= ${#prefix})) && compopt -o filenames +o nospace 2>/dev/null || readline=''
	while IFS= read -r name; do
		[[ $name ]] || continue
		value=$prefix$name
		value=${value:start}
		if [[ ! $readline ]]; then
			[[ -d $name ]] && value+=/
			__octo_tentacle_quote "$value"
		fi
		COMPREPLY+=("$value")
	done <<<"$(compgen "$1" -- "$file")"
	if [[ ! $readline && ! $quote && ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != */ ]]; then
		COMPREPLY[0]+=' '
	fi
}

# Sets value to what has to stand on the command line for the text.
__octo_tentacle_quote() {
	local text=$1 special=$' \t!"#$&\'()*;<>?[\\]^`{|}~' char i
	value=$text
	[[ $text == *[!A-Za-z0-9_./:=@%+,-]* ]] || return 0
	case $quote in
	\') special="'" ;;
	\") special='$`\"' ;;
	esac
	value=''
	for ((i = 0; i < ${#text}; i++)); do
		char=${text:i:1}
		if [[ $special != *"$char"* ]]; then
			value+=$char
		elif [[ $quote == "'" ]]; then
			value+="'\\''"
		else
			value+=\\$char
		fi
	done
}

complete -o nospace -F _octo_tentacle octo-tentacle octo-tentacle.exe
