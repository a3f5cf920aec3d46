# net: a doorman of a test script's own. Sourced, after tap.sh:
#     . "$TOP/tests/doorman/net.sh"
# Its directory is $D, its address $U once it is up; its processes end with
# the script.
D=$PWD/d U='' served=''
pids=''
PATH=$FIXTURES:$PATH
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids 2>/dev/null; wait; }' EXIT

init() { doorman init "$D" "$@" </dev/null >init.log 2>&1; }
dm() { doorman "$@" -c "$D/doorman.conf"; }

up() { # up [DIR]: starts the service and waits for its ready line
	mkfifo ready
	doorman serve -c "${1:-$D}/doorman.conf" >ready 2>>serve.log &
	served=$!
	pids="$pids $served"
	IFS= read -r line <ready
	rm ready
	case $line in ready*) ;; *) return 1 ;; esac
	U=http://$(expr "$line" : '.*http=\([^ ]*\)')
}
down() { # the service ends, as it should
	kill "$served" && wait "$served"
}

csr() { # csr NAME SUBJECT: NAME.key, NAME.csr
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$1.key" -subj "$2" -out "$1.csr" 2>>openssl.log
}
ask() { # ask NAME SUBJECT: an id
	csr "$1" "$2" && curl -s --data-binary "@$1.csr" "$U/certificate"
}
revoke() { # revoke NAME REASON: an id
	curl -s -d "{\"legalName\": \"$1\", \"reason\": \"$2\",
	    \"reporter\": \"me\"}" "$U/certificate-revocation-request"
}
sign() { # sign SENTENCE COMMAND...
	echo "$1" >confirm
	shift
	doorman-sign -c "$D/sign.conf" "$@" --confirm-fd 3 3<confirm \
	    </dev/null >sign.log 2>&1
}
enrol() { # enrol NAME SUBJECT: an id, whose certificate is issued
	id=$(ask "$1" "$2") && dm tickets approve "$id" >/dev/null &&
	    sign 'sign certificates +1' certificates && echo "$id"
}
