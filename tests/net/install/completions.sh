#!/bin/sh
# Completions as the shells take them: they are read without a complaint, and
# offer every command and option that --help has, words where there is a set
# of them, and files where a file is meant.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
C=${COMPLETIONS:-$TOP/build/release/completions}
R=${RELEASE:-$TOP/build/release}
: >out 2>err
touch peer.pem

cat >ask.bash <<'B'
# ask.bash WORD...: what bash would offer for the last one.
source "$C/$1.bash"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
declare -F "$(complete -p "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')" >/dev/null || exit 1
"$(complete -p "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')" "$1" "${@: -1}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
B
cat >ask.zsh <<'Z'
# ask.zsh WORD...: what the function hands to zsh's own.
_arguments() { print -l -- "$@" }
_describe() { print -l -- "${(@P)2}" }
_files() { }
complete_it() { source $C/_$1 }
words=("$@") CURRENT=$#
complete_it "$1"
Z
export C
in_bash() { bash ask.bash "$@" >out 2>err && [ ! -s err ]; }
in_fish() { fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' \
    "$C/$1.fish" "$2" >out 2>err && [ ! -s err ]; }
in_zsh() { zsh -f ask.zsh "$@" >out 2>err && [ ! -s err ]; }
offers() { cut -f1 out >words; for w in "$@"; do grep -qxF -e "$w" words || return 1; done; }
have() { command -v "$1" >/dev/null; }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP no $2"; }

# Each command, and each option of it.
commands() { # commands PROGRAM
	case $1 in
	revcheck) "$p" --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p' ;;
	doorman*) "$p" --help | sed -n 's/^\(usage:\|      \) [^ ]* \([a-z].*\) \[options\]$/\2/p' |
	    tr ' ' '\n' | awk '/^[a-z-]+$/' | sort -u | grep -vxE 'list|show|approve|reject|withdraw|retry|verify' ;;
	esac
}
options() { # options PROGRAM WORD...: as its --help has them
	"$@" --help | grep -oE -e '(^|[ [])--[a-z][a-z0-9-]*' | grep -oE -e '--.*' | sort -u
}
lacking() { # lacking PROGRAM COMMAND: options that bash and fish do not offer
	bash ask.bash "$1" ${2:+$2} -- | sort -u >b
	fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$C/$1.fish" \
	    "$1 ${2:+$2 }--" | cut -f1 | sort -u >f
	for s in b f; do options "$p" ${2:+$2} | comm -23 - $s; done >out
	! [ -s out ]
}

for prog in revcheck p2p-gateway doorman doorman-sign; do
	case $prog in doorman*) p=$R/fixtures/$prog ;; *) p=$R/bin/$prog ;; esac
	of=$prog
	t 'bash reads it' run 0 bash -n "$C/$prog.bash"
	if have zsh; then t 'zsh reads it' run 0 zsh -n "$C/_$prog"; else skip "zsh reads it" zsh; fi
	if ! have fish; then skip "fish reads it" fish; continue; fi
	t 'fish reads it' run 0 fish --no-config -n "$C/$prog.fish"
	t 'every option' lacking "$prog" ''
	for c in $(commands "$prog"); do
		# What only begins a command has no help of its own.
		case $c in audit | tickets) ;; *)
			t "every option of $c" lacking "$prog" "$c" ;;
		esac
		in_bash "$prog" ''
		t "bash offers $c" offers "$c"
		in_fish "$prog" "$prog "
		t "fish offers $c" offers "$c"
	done
done

of=bash
in_bash revcheck ch
t 'the beginning of a word' offers check
in_bash revcheck check --mode ''
t 'words of a set' offers OFF SOFT_FAIL HARD_FAIL
in_bash revcheck check --mode = HARD
t 'behind an equals sign' offers HARD_FAIL
in_bash revcheck check --chain pe
t 'a file' offers peer.pem
in_bash p2p-gateway --config pe
t 'a file of the gateway' offers peer.pem
in_bash doorman tickets ''
t 'a command of two words' offers list show approve
in_bash doorman tickets list --
t 'and its own options only' sh -c 'grep -qx -e --config out && ! grep -q listen out'
in_bash revcheck check --deadline-ms ''
t 'nothing for a number' test -z "$(cat out)"
of=fish
if have fish; then
	in_fish revcheck 'revcheck check --mode H'
	t 'words of a set' offers HARD_FAIL
	in_fish doorman 'doorman tickets a'
	t 'a command of two words' offers approve
	in_fish p2p-gateway 'p2p-gateway --config pe'
	t 'a file' offers peer.pem
else
	skip fish fish
fi
of=zsh
if have zsh; then
	in_zsh revcheck ''
	t 'commands, and what they do' grep -q '^check:.' out
	in_zsh revcheck check --
	t 'options of a command' grep -q '^\*--chain=\[.*\]:FILE:_files' out
	t 'words of a set' grep -q '^\*--mode=.*(OFF SOFT_FAIL HARD_FAIL ON)' out
	in_zsh doorman tickets ''
	t 'a command of two words' grep -q '^approve:.' out
else
	skip zsh zsh
fi
echo "1..$n"
exit $bad
