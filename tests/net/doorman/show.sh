#!/bin/sh
# What a person sees of a request before deciding: all of it, on the terminal
# as in JIRA.
set -u
pids=''
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck disable=SC2086
trap '[ -z "$pids" ] || { kill $pids; wait; }' EXIT
PATH=$FIXTURES:$PATH

doorman init dm >out 2>&1
mkfifo ready
doorman serve -c dm/doorman.conf >ready 2>serve.log &
pids=$!
IFS= read -r line <ready
url=http://$(echo "$line" | sed 's/.*http=\([^ ]*\).*/\1/')

san=DNS:n1.example
for i in 2 3 4 5 6 7 8 9 10 11 12; do san=$san,DNS:n$i.example; done
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout /dev/null -subj '/O=Alice [~admin]/C=GB' \
    -addext "subjectAltName=$san,IP:192.0.2.7" -out a.csr 2>openssl.log
id=$(curl -s --data-binary @a.csr "$url/certificate")
echo "$id" >out
test ${#id} -eq 64
ok $? 'a request with thirteen names'

doorman tickets show "$id" -c dm/doorman.conf >out 2>&1
ok $? 'it is shown'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	grep -q "n$i\.example" out || break
done && grep -q '192\.0\.2\.7' out
ok $? 'with every name'
grep -q "Request: $id" out && grep -q 'Alice \\u{5B}\\u{7E}admin\\u{5D}' out
ok $? 'its name is text'
grep -q 'P-256' out && grep -q 'ecdsa-with-SHA256' out
ok $? 'its key and its signature'
grep -qE '  20[0-9TZ:-]+ NEW; by ' out && grep -q 'Came from: 127.0.0.1' out
ok $? 'who, when and whence'

doorman tickets show NOBODY -c dm/doorman.conf >out 2>&1
test $? -eq 1 && grep -q "no ticket or request 'NOBODY'" out
ok $? 'what is not there'
echo "1..$n"
exit $bad
