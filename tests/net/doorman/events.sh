#!/bin/sh
# What happens is said: in the log, a line each, and to the hook, which is a
# real program that passes on what it is told.
set -u
pids=''
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids; wait; }' EXIT
PATH=$FIXTURES:$PATH

doorman init dm >out 2>&1 || exit 1
mkfifo told
times=0
exec 5<>told
# The mail in a file, one line to whoever waits, and once a failure.
cat >hook <<END
#!/bin/sh
cat >$PWD/mail.\$DOORMAN_EVENT
env >$PWD/env.\$DOORMAN_EVENT
if [ -e $PWD/fail ]; then
	rm $PWD/fail
	echo 'no mail today' >&2
	exit 75
fi
echo "\$DOORMAN_EVENT \$DOORMAN_ID \$1" >$PWD/told
END
chmod +x hook
cat >template <<'END'
To: ca@example.org
Subject: {event} {subject}

{text}
{url}
END
cat >>dm/doorman.conf <<END
notify_command = $PWD/hook an-argument
notify_template = $PWD/template
notify_before_min = 0
END

start() {
	rm -f ready
	mkfifo ready
	SECRET=s3cret doorman serve -c dm/doorman.conf >ready 2>>serve.log 5>&- &
	pids=$!
	IFS= read -r line <ready
	url=http://$(echo "$line" | sed 's/.*http=\([^ ]*\).*/\1/')
}
stop() {
	[ -n "$pids" ] && kill "$pids" && wait "$pids"
	pids=''
}
told() { # told EVENT [ID]: what the hook is told next
	# shellcheck disable=SC2016
	out=$(timeout 60 sh -c 'IFS= read -r l; echo "$l"' <&5)
	# Until then it is told again after a stop.
	times=$((times + 1))
	i=0
	while [ "$(grep -c event=hook-told serve.log)" -lt "$times" ]; do
		i=$((i + 1))
		[ "$i" -lt 600 ] || return 1
		sleep 0.1
	done
	echo "$out" >out
	test "$out" = "$1 ${2-} an-argument"
}
logged() { # logged PATTERN: a line of the log
	grep -E "^doorman: event=$1" serve.log >out
}

start
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout alice.key -subj '/O=Alice/C=GB' -out a.csr 2>openssl.log
a=$(curl -s --data-binary @a.csr "$url/certificate")
told NEW "$a"
ok $? 'a certificate request is told'
grep -q '^Subject: NEW O=Alice, C=GB$' mail.NEW &&
    grep -q '^Key: EC P-256' mail.NEW &&
    grep -q "/certificate-request/$a\$" mail.NEW &&
    grep -q '^Content-Type: text/plain; charset=UTF-8$' mail.NEW
r=$?
cp mail.NEW out
ok $r 'by the template, with all facts'
grep -v '^DOORMAN_[A-Z]*=\|^PATH=/usr/sbin:/usr/bin:/sbin:/bin$\|^LANG=C.UTF-8$\|^PWD=\|^_=\|^SHLVL=\|^OLDPWD=' \
    env.NEW >out
test ! -s out
ok $? 'the hook sees nothing of our environment'

doorman tickets approve "$a" -c dm/doorman.conf --by carol >out 2>&1
printf 'sign certificates +1\n' >confirm
doorman-sign -c dm/sign.conf certificates --confirm-fd 3 3<confirm >out 2>&1
ok $? 'it is issued'
r=$(curl -s -d '{"legalName": "O=Alice, C=GB", "reason": "UNSPECIFIED",
    "reporter": "x\" event=approved"}' "$url/certificate-revocation-request")
told NEW "$r"
ok $? 'a revocation request is told'
curl -s -d '{"legalName": "O=Alice, C=GB", "reason": "KEY_COMPROMISE",
    "reporter": "officer"}' "$url/certificate-revocation-request" >out
told KEY_COMPROMISE "$r"
ok $? 'that somebody else reports a compromise is told'
grep -q '^Reported: KEY_COMPROMISE, anonymous, from 127.0.0.1, by officer' mail.KEY_COMPROMISE
r2=$?
cp mail.KEY_COMPROMISE out
ok $r2 'with every report'

touch fail
b=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout /dev/null -subj '/O=Bob/C=GB' 2>openssl.log |
    curl -s --data-binary @- "$url/certificate")
told NEW "$b"
ok $? 'a hook that fails is run again'
logged 'hook-failed about=NEW .*why="it ended with status 75: no mail today.*"'
ok $? 'and that is said'

doorman tickets reject "$b" -c dm/doorman.conf >out 2>&1
doorman tickets approve "$r" -c dm/doorman.conf >out 2>&1
printf 'sign doorman 2 +1\n' >confirm
doorman-sign -c dm/sign.conf crl --confirm-fd 3 3<confirm >out 2>&1
ok $? 'the revocation is signed'
stop
logged "new id=$a kind=certificate subject=\"O=Alice, C=GB\" .*origin=\"127.0.0.1\""
ok $? 'the log has: new'
logged "ticketed id=$a .*ticket=\"LOCAL-1\""
ok $? 'ticketed'
logged "approved id=$a .*who=\"carol\" origin=\"local uid [0-9]+\""
ok $? 'approved, by a command'
logged "issued id=$a"
ok $? 'issued'
logged "report id=$r .*reason=KEY_COMPROMISE .*who=\"officer\""
ok $? 'the report'
logged "rejected id=$b"
ok $? 'rejected'
logged "revoked id=$r .*list=doorman"
ok $? 'revoked'
logged 'published list=doorman number=2 revoked=1 who='
ok $? 'published'
grep -E 'event=approved' serve.log | grep -vE '^doorman: event=approved id=' |
    grep -vE 'who="x\\" event=approved"' >out
test ! -s out
ok $? 'nobody writes a line of the log in a name'
test "$(grep -c "event=new id=$a" serve.log)" -eq 1
ok $? 'each once'

# What is done while nobody serves is said when somebody does.
c=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout /dev/null -subj '/O=Carl/C=GB' 2>openssl.log >c.csr; echo)
start
c=$(curl -s --data-binary @c.csr "$url/certificate")
told NEW "$c"
ok $? 'nothing is told twice after a start'
stop
doorman tickets reject "$c" -c dm/doorman.conf >out 2>&1
sed -i 's/^notify_before_min.*/notify_before_min = 2000/' dm/doorman.conf
start
told LIST_EXPIRING
ok $? 'a list near its end is told'
cp mail.LIST_EXPIRING out
grep -q 'list=doorman number=2 nextUpdate=' out &&
    grep -q '/certificate-revocation-list/doorman$' out
ok $? 'which one, and until when'
logged "rejected id=$c"
ok $? 'what was done meanwhile is in the log'
stop
start
d=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout /dev/null -subj '/O=Dora/C=GB' 2>openssl.log |
    curl -s --data-binary @- "$url/certificate")
told NEW "$d"
ok $? 'and told once, not at each start'
sed -i 's/^Subject: .*/Subject: anew/' template
kill -HUP "$pids"
i=0
until grep -q 'SIGHUP: the configuration was read anew' serve.log; do
	i=$((i + 1))
	[ "$i" -lt 600 ] || break
	sleep 0.1
done
e=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout /dev/null -subj '/O=Eve/C=GB' 2>openssl.log |
    curl -s --data-binary @- "$url/certificate")
told NEW "$e" && grep -q '^Subject: anew$' mail.NEW
ok $? 'a SIGHUP reads the template anew'
stop

# A full service says so now and then, whoever knocks.
echo 'max_open_certificate_requests = 1' >>dm/doorman.conf
start
for i in 1 2 3 4 5 6 7 8; do
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout /dev/null -subj "/O=Full $i/C=GB" 2>openssl.log |
	    curl -s -o /dev/null --data-binary @- "$url/certificate"
done
stop
logged '503 times=1 origin=127.0.0.1 why="[^"]*max_open_certificate_requests[^"]*"$'
ok $? 'a refusal of 503 is said'
test "$(grep -c event=503 serve.log)" -eq 1
ok $? 'and not for each who knocks'

sed -e 's,^notify_template.*,notify_template = nowhere,' dm/doorman.conf \
    >dm/bad.conf
doorman serve -c dm/bad.conf >out 2>&1
test $? -eq 1 && grep -q "notify_template" out
ok $? 'a template that is not there is refused'
printf 'To: {who}\n\n' >dm/nowhere
doorman serve -c dm/bad.conf >out 2>&1
test $? -eq 1 && grep -q 'strangers would choose it' out
ok $? 'strangers choose no recipients'
echo "1..$n"
exit $bad
