#!/bin/sh
# doorman status: what an operator sees, while a service runs and while none
# does.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
# shellcheck source=tests/doorman/net.sh
. "$TOP/tests/doorman/net.sh"
of='status'
init --ocsp-listen 127.0.0.1:0 || exit 1

t 'without a service there is trouble' run 1 dm status
t 'it says so' shows 'TROUBLE  no service is running'
t 'and shows NOT RUNNING' shows 'NOT RUNNING'
t 'a key beside the service is worth a word' \
    shows "warning  the root CA's key lies open beside the service"
up || exit 1
t 'with one all is well' run 0 dm status
t 'it says so' shows 'all is well'
t 'which process' shows "process $served"
t 'nobody is at the desk' grep -q '^desk  *free$' out
t 'three lists' test "$(grep -cE '^(doorman|root|empty)  *1  *0  .* in ' out)" = 3
t 'no requests' shows 'none'

alice=$(enrol alice /O=Alice/C=GB)
bob=$(ask bob /O=Bob/C=GB)
rev=$(revoke 'O=Alice, C=GB' KEY_COMPROMISE)
dm tickets approve "$rev" --by carol --note 'phoned' >log
t 'requests' run 0 dm status
t 'one waits for the approver' grep -qE \
    '^certificate  *(TICKET_CREATED  *1  the approver|NEW  *1  a ticket) ' out
t 'one for the signer' grep -qE '^revocation  *APPROVED  *1  the signer ' out
t 'one is done' grep -qE '^certificate  *DONE  *1$' out

t 'as JSON' run 0 dm status --json
t 'well' member .well true
t 'running' member .running true
t 'its process' member .pid "$served"
t 'lists' member '.lists | keys | join(" ")' 'doorman empty root'
t 'none has expired' member '[.lists[].expired] | any' false
t 'who waits for whom' member \
    '.requests[] | select(.state == "APPROVED") | .waitsFor' signer
t 'certificates' member '.certificates | has("root")' true
t 'no trouble' member '.trouble | length' 0
t 'warnings' member '.warnings | length' 2

sign 'sign doorman 2 +1' crl
t 'after signing' run 0 dm status
t 'the list has a new number and an entry' grep -qE '^doorman  *2  *1  ' out

t 'the service ends' down
of='status'
t 'then it is not running' run 1 dm status --json
t 'well' member .well false
t 'which is said' member '.trouble[0]' 'no service is running'
echo "1..$n"
exit $bad
