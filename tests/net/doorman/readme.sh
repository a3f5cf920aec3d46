#!/bin/sh
# What the doorman's README shows, run as it is written there: the commands
# from an empty directory to a revoked certificate, and each refusal with its
# sentence. http://..., ID and the person's typing are filled in.
set -u
README=$TOP/fixtures/doorman/README.md
pids=''
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids; wait; }' EXIT

# The tool with a hand that types what the tool asks for.
mkdir bin
ln -s "$FIXTURES/doorman" bin/doorman
cat >bin/doorman-sign <<END
#!/bin/sh
exec "$FIXTURES/doorman-sign" "\$@" --confirm-fd 3 3<confirm
END
chmod +x bin/doorman-sign
PATH=$PWD/bin:$PATH DIR=$PWD/dm ID='' URL=''

sed -n '/^    doorman init DIR --ocsp/,/noout -text$/p' "$README" |
    sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' -e 's/  *#.*//' \
    -e 's/^    //' -e '/^$/d' >commands
cp commands out
test "$(wc -l <commands)" -ge 10
ok $? 'the README has commands'

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout alice.key -subj /O=Alice/C=GB -out alice.csr 2>openssl.log

ready() { # ready COMMAND: starts it and reads its ready line from a pipe
	mkfifo "pipe$n"
	eval "exec $1" >"pipe$n" 2>>serve.log 3>&- &
	pids="$pids $!"
	IFS= read -r line <"pipe$n"
	echo "$line" >out
	case $line in ready*) ;; *) return 1 ;; esac
}

refusals() {
	sed -n '/^### What is refused/,/^## /s/^    //p' "$README" >pairs
	while IFS= read -r body && IFS= read -r want; do
		body=$(printf '%s' "$body" | sed "s/\"ID\"/\"$ID\"/")
		got=$(curl -s -w ' (%{http_code})' -d "$body" \
		    "$URL/certificate-revocation-request" |
		    sed -E 's/0x[0-9A-F]{20,}/0xSERIAL/')
		printf '%s\n%s\n%s\n' "$body" "$want" "$got" >out
		test "$got" = "${want#  } (400)"
		ok $? "refused: ${want#  }"
	done <pairs
}

while IFS= read -r c; do
	c=$(printf '%s' "$c" | sed -e "s|http://\.\.\.|$URL|" \
	    -e "s|DIR|$DIR|g" -e "s| ID| $ID|;s|/ID|/$ID|")
	case $c in
	*'doorman serve'*)
		ready "$c"
		rc=$?
		URL=http://$(expr "$line" : '.*http=\([^ ]*\)')
		;;
	'doorman ocsp'*)
		ready "$c"
		rc=$?
		;;
	*)
		case $c in
		*certificates) echo 'sign certificates +1' >confirm ;;
		*' crl') echo 'sign doorman 2 +1' >confirm ;;
		esac
		case $c in
		*'-d '*) refusals ;;
		esac
		sh -c "$c" >out 2>&1
		rc=$?
		case $c in
		*--data-binary* | *'-d '*) ID=$(tail -n 1 out | grep -oE '[0-9A-F]{64}') ;;
		esac
		;;
	esac
	ok "$rc" "$c"
done <commands
grep -q 'Key Compromise' out
ok $? 'the certificate is on the list'
curl -s "$URL/certificate-revocation-request/$ID" >out
grep -q '"state":.*"DONE"' out
ok $? 'and its request is done'
echo "1..$n"
exit $bad
