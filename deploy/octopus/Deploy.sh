#!/bin/bash
# Octopus runs this script where it deploys the package on Linux, and Deploy.ps1 on Windows:
# Calamari picks one by its language (PackagedScriptRunner.cs, ScriptSyntaxHelper.cs). Calamari
# sources it, after functions like get_octopusvariable (Features/Scripting/Bash/Bootstrap.sh).
#
# What it reads and sets, README.md beside it lists. Values are data: none is evaluated, and a
# secret is passed by the environment alone.
# shellcheck disable=SC2154 # the variables are Calamari's, or set by read

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
program='' problems='' warnings='' changed=False
# Versions of bash disagree about quotation marks within "${…//…}", so what is there has a name.
newline=$'\n' quote="'" order='##octopus[' harmless='## octopus['

# say TEXT: prints it. What others sent is in it, and must not look like an order to Octopus.
say() {
	printf '%s\n' "${1//"$order"/$harmless}"
}

# Calamari's write_warning and write_highlight would put several lines into one.
warn() {
	echo '##octopus[stdout-warning]'
	say "$1"
	echo '##octopus[stdout-default]'
	warnings+=$1$newline
}

highlight() {
	echo '##octopus[stdout-highlight]'
	say "$1"
	echo '##octopus[stdout-default]'
}

# finish: sets the output variables, and removes the programs: Octopus keeps the folders of many
# runs, and those of steps that failed for good (OctopusDeploy/Issues#6539). What restarts the
# Tentacle runs already.
finish() {
	set_octopusvariable Changed "$changed"
	set_octopusvariable Polled "$(polled)"
	set_octopusvariable Problems "${problems%"$newline"}"
	set_octopusvariable Warnings "${warnings%"$newline"}"
	rm -rf linux-x64 linux-arm64 win-x64
}

# fail MESSAGE: says it, and ends the step with it.
fail() {
	[ -n "$problems" ] || problems=$1
	say "$1" >&2
	stop "$1"
}

stop() {
	finish
	fail_step "octo-tentacle: $1"
}

# run ARGUMENT…: runs the program. Its answer is in answer.json, its messages are in messages.txt,
# its exit code is in code.
run() {
	code=0
	"./$program" "$@" >answer.json 2>messages.txt </dev/null || code=$?
}

# unescape TEXT: the text of a JSON string, in REPLY.
unescape() {
	local backslash='\' twice='\\' mark=$'\001' double='"'
	REPLY=${1//"$twice"/$mark}
	REPLY=${REPLY//"$backslash$double"/$double}
	REPLY=${REPLY//"${backslash}n"/$newline}
	REPLY=${REPLY//"${backslash}t"/ }
	REPLY=${REPLY//$mark/$backslash}
}

# value LINE: the text on a line of JSON that is a field, in REPLY.
value() {
	local text=${1#*'": "'}
	text=${text%,}
	unescape "${text%'"'}"
}

# polled: the addresses that this Tentacle polls, with commas.
polled() {
	local line style='' list=''
	[ -n "$program" ] || return 0
	run list-servers --format=json
	[ "$code" = 0 ] || return 0
	while IFS= read -r line; do
		case $line in
		'      "style": "'*) value "$line" && style=$REPLY ;;
		'      "address": "'*)
			value "$line"
			if [ "$style" = TentacleActive ] && [[ ,$list, != *",$REPLY,"* ]]; then
				list+=${list:+,}$REPLY
			fi
			;;
		esac
	done <answer.json
	printf '%s' "$list"
}

# read_messages: warns of the program's warnings. Its error, if there is one, is in failure.
read_messages() {
	local line kind='' text=''
	failure=''
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		'warning: '* | 'octo-tentacle: '*)
			message "$kind" "$text"
			kind=${line%%:*} text=${line#*: }
			;;
		*) text+=${text:+$newline}$line ;;
		esac
	done <messages.txt
	message "$kind" "$text"
}

message() {
	case $1 in
	octo-tentacle) failure=$2 ;;
	*) [ -z "$2" ] || warn "$2" ;;
	esac
}

# read_variables: the variables of the step, checked before anything runs.
read_variables() {
	mode=$(get_octopusvariable OctoTentacle.Mode)
	nodes=$(get_octopusvariable OctoTentacle.Nodes)
	server=$(get_octopusvariable OctoTentacle.Server)
	key=$(get_octopusvariable OctoTentacle.ApiKey)
	splay=$(get_octopusvariable OctoTentacle.RestartSplay)
	unreachable=$(get_octopusvariable OctoTentacle.AllowUnreachable)
	strict=$(get_octopusvariable OctoTentacle.Strict)
	task=$(get_octopusvariable Octopus.Task.Id)
	machine=$(get_octopusvariable Octopus.Machine.Name)

	mode=${mode:-check} splay=${splay:-5m} machine=${machine:-$(uname -n)}
	case $mode in
	check | dry-run | sync) ;;
	*) fail "the variable OctoTentacle.Mode is $mode: expected check, dry-run or sync" ;;
	esac
	truth OctoTentacle.AllowUnreachable "$unreachable" && unreachable=$REPLY
	truth OctoTentacle.Strict "$strict" && strict=$REPLY
	if [[ ! $splay =~ ^(0|([0-9]+[hms])+)$ ]]; then
		fail "the variable OctoTentacle.RestartSplay is $splay: expected a time like 5m, or 0"
	fi
	if [ -n "$server" ] && [ -z "$key" ]; then
		fail 'the variable OctoTentacle.Server is set, and OctoTentacle.ApiKey is not: set both, or none'
	elif [ -z "$server" ] && [ -n "$key" ]; then
		fail 'the variable OctoTentacle.ApiKey is set, and OctoTentacle.Server is not: set both, or none'
	fi
	[[ $task =~ ^[A-Za-z]+-[0-9]+$ ]] || task=''
	# Only the variables of Octopus decide, not the environment of a machine.
	unset OCTOPUS_URL OCTOPUS_API_KEY OCTOPUS_ACCESS_TOKEN OCTOPUS_SPACE
	[ -z "$server" ] || export OCTOPUS_URL="$server" OCTOPUS_API_KEY="$key"
}

# truth NAME VALUE: True or False, in REPLY.
truth() {
	case $2 in
	[Tt]rue) REPLY=True ;;
	[Ff]alse | '') REPLY=False ;;
	*) fail "the variable $1 is $2: expected True or False" ;;
	esac
}

# write_nodes: nodes.yaml, from addresses with commas or on lines of their own, or from YAML.
write_nodes() {
	local item line="(^|$newline)[[:space:]]*" list return=$'\r'
	if [[ $nodes =~ ^[[:space:]]*$ ]]; then
		fail 'the variable OctoTentacle.Nodes is empty: expected addresses, like https://octo1:10943,https://octo2:10943'
	elif [[ $nodes =~ $line(-[[:space:]]|\[|\{|(nodes|thumbprints)[[:space:]]*:) ]]; then
		printf '%s\n' "${nodes//"$return"/}" >nodes.yaml
		return
	elif [[ $nodes =~ (^|,)[[:space:]]*(,|$) ]]; then
		# A variable that has no value, perhaps: its node would no longer be polled.
		fail 'the variable OctoTentacle.Nodes has an empty address'
	fi
	IFS=$', \t\r\n' read -r -d '' -a list <<<"$nodes"
	for item in "${list[@]}"; do
		printf -- "- '%s'\n" "${item//"$quote"/$quote$quote}"
	done >nodes.yaml
}

find_program() {
	case $(uname -s)/$(uname -m) in
	Linux/x86_64) program=linux-x64/octo-tentacle ;;
	Linux/aarch64 | Linux/arm64) program=linux-arm64/octo-tentacle ;;
	*) fail "the package has no program for $(uname -s) on $(uname -m)" ;;
	esac
	chmod +x "$program" # a zip need not carry it
	run version
	if [ "$code" != 0 ]; then
		read_messages
		local reason=$failure$warnings
		program=''
		fail "the program of the package does not run here (exit code $code): ${reason%"$newline"}"
	fi
	version=$(<answer.json)
}

check() {
	local arguments=(check --format=json) line level='' what='' why='' fix='' open='' count=0
	[ "$strict" = False ] || arguments+=(--strict)
	run "${arguments[@]}"
	read_messages
	[ -z "$failure" ] || fail "$failure"
	while IFS= read -r line; do
		case $line in
		'      "level": "'*) value "$line" && level=$REPLY ;;
		'      "what": "'*) value "$line" && what=$REPLY ;;
		'      "why": "'*) value "$line" && why=$REPLY ;;
		'      "fix": "'*) value "$line" && fix=$REPLY ;;
		'      "complete": false'*) open=' (complete it)' ;;
		'      "complete": true'*) open='' ;;
		'    }' | '    },')
			[ "$level" = '' ] && continue
			line=$what
			[ -z "$why" ] || line+="$newline  ${why//"$newline"/$newline  }"
			[ -z "$fix" ] || line+="$newline  fix$open: $fix"
			case $level in
			problem)
				problems+=$what$newline
				say "$line" >&2
				;;
			warning) warn "$line" ;;
			skipped) say "skipped: $what" ;;
			ok) count=$((count + 1)) ;;
			esac
			level=''
			;;
		esac
	done <answer.json
	mv answer.json check.json
	say "$count ok"
	# For octo-tentacle fleet --reports.
	new_octopusartifact check.json "$machine.json"
	case $code in
	0) ;;
	1)
		[ -n "$problems" ] || problems=$warnings
		stop "${problems%"$newline"}"
		;;
	*) fail "check could not look (exit code $code)" ;;
	esac
}

sync() {
	local arguments=(sync-servers --file=nodes.yaml --format=json "--restart-splay=$splay")
	local line section='' restart='' summary='' added=0 removed=0
	[ "$mode" = sync ] || arguments+=(--dry-run)
	[ "$unreachable" = False ] || arguments+=(--allow-unreachable)
	[ -z "$task" ] || arguments+=("--reason=$task")
	run "${arguments[@]}"
	read_messages
	while IFS= read -r line; do
		case $line in
		'  "changed": true'*) changed=True ;;
		'  "'*': ['* | '  "'*': {'*) line=${line#'  "'} && section=${line%%'"'*} ;;
		'      "address": ""'*) ;;
		'      "address": "'*)
			value "$line"
			case $section in
			added) added=$((added + 1)) && say "  + $REPLY" ;;
			removed) removed=$((removed + 1)) && say "  - $REPLY" ;;
			updated) say "  ~ $REPLY" ;;
			unchanged) say "    $REPLY" ;;
			esac
			;;
		'    "scheduled": ""'*) ;;
		'    "scheduled": "'*) restart='; the restart is scheduled' ;;
		'    "restarted": true'*) restart='; the service was restarted' ;;
		esac
	done <answer.json
	summary="$machine: $added added, $removed removed$restart"
	[ "$mode" = sync ] || summary="$machine: would add $added, remove $removed"
	case $code/$changed in
	0/True) highlight "$summary" ;;
	0/False) say "Nothing to change$restart." ;;
	*)
		[ "$changed" = False ] || say "$summary"
		fail "${failure:-sync-servers failed (exit code $code)}"
		;;
	esac
}

read_variables
find_program
say "octo-tentacle $version: $mode"
run list-instances --format=json
if [ "$code" = 0 ] && [ "$(<answer.json)" = '[]' ]; then
	warn 'there is no Tentacle on this machine: nothing to do'
	program=''
elif [ "$mode" = check ]; then
	check
else
	write_nodes
	sync
fi
finish
