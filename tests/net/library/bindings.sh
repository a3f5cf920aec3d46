#!/bin/sh
# The library as other languages call it: Python through ctypes, Go through
# cgo, each with a chain that is good and one that is revoked, by CRLs of a
# directory. No binding is kept: this shows that none is needed.
set -u
# shellcheck source=tests/lib/tap.sh
. "$TOP/tests/lib/tap.sh"
of=bindings
case $(basename "$BUILD") in
debug | release) ;;
*)
	echo '1..1'
	echo 'ok 1 - bindings # SKIP a library built for a sanitizer needs a program that is'
	exit 0
	;;
esac

x() { openssl "$@" >>openssl.log 2>&1; }
x req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key \
    -out root.pem -days 30 -subj /CN=Root
for who in good revoked; do
	x req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key \
	    -subj /CN=$who -out $who.csr
	x x509 -req -in $who.csr -CA root.pem -CAkey root.key -days 30 -out $who.pem
done
printf '%s\n' '[ca]' default_ca=our '[our]' database=index.txt \
    crlnumber=number default_md=sha256 >ca.cnf
touch index.txt
echo 01 >number
mkdir crls
x ca -config ca.cnf -cert root.pem -keyfile root.key -revoke revoked.pem
x ca -config ca.cnf -cert root.pem -keyfile root.key -gencrl -crldays 7 \
    -out crls/root.crl

cat >ask.py <<'END'
from ctypes import *
import sys

class Error(Structure):
    _fields_ = [("code", c_int), ("sys_errno", c_int), ("ossl", c_ulong),
                ("msg", c_char * 256)]

class Query(Structure):
    _fields_ = [("size", c_size_t), ("chain", c_void_p),
                ("untrusted", c_void_p), ("trust", c_void_p),
                ("evidence", c_void_p), ("mode", c_int), ("flags", c_uint)]

lib = CDLL(sys.argv[1])
lib.revcheck_version.restype = c_char_p
lib.revcheck_report_text.restype = c_char_p
err = Error()

def must(rc):
    if rc < 0:
        sys.exit("%d %s" % (err.code, err.msg.decode()))

rc, chain, trust, crls, report = (c_void_p() for _ in range(5))
must(lib.revcheck_new(byref(rc), None, byref(err)))
must(lib.revcheck_certs_load(byref(chain), sys.argv[2].encode(), byref(err)))
must(lib.revcheck_trust_load(byref(trust), sys.argv[3].encode(), byref(err)))
must(lib.revcheck_evidence_new(byref(crls), byref(err)))
must(lib.revcheck_evidence_add_file(crls, 1, sys.argv[4].encode(), byref(err)))
q = Query(sizeof(Query), chain, None, trust, crls, 3, 0)
must(lib.revcheck_check(rc, byref(report), byref(q), byref(err)))
print(lib.revcheck_version().decode(), lib.revcheck_report_text(report).decode())
allowed = lib.revcheck_report_allows(report)
lib.revcheck_report_free(report)
lib.revcheck_evidence_free(crls)
lib.revcheck_trust_free(trust)
lib.revcheck_certs_free(chain)
lib.revcheck_free(rc)
sys.exit(0 if allowed else 1)
END
python() { /usr/bin/python3 ask.py "$BUILD/lib/librevcheck.so" "$1" root.pem crls; }
version=$(sed -n 's/^#define REVCHECK_VERSION "\(.*\)"/\1/p' "$TOP/revcheck/revcheck.h")
t 'Python: good' run 0 python good.pem
t 'Python: says so' shows "$version accepted"
t 'Python: revoked' run 1 python revoked.pem
t 'Python: says so, too' shows 'refused'
t 'Python: no such file' run 1 python none.pem
t 'Python: names it' says 'none.pem'

mkdir go
cat >go/go.mod <<'END'
module ask

go 1.19
END
cat >go/ask.go <<'END'
package main

// #include <stdlib.h>
// #include <revcheck.h>
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

func main() {
	var err C.struct_revcheck_error
	var rc *C.struct_revcheck
	var chain *C.struct_revcheck_certs
	var trust *C.struct_revcheck_trust
	var crls *C.struct_revcheck_evidence
	var report *C.struct_revcheck_report
	must := func(code C.int) {
		if code < 0 {
			fmt.Fprintln(os.Stderr, C.GoString(&err.msg[0]))
			os.Exit(1)
		}
	}
	arg := func(i int) *C.char { return C.CString(os.Args[i]) }

	must(C.revcheck_new(&rc, nil, &err))
	must(C.revcheck_certs_load(&chain, arg(1), &err))
	must(C.revcheck_trust_load(&trust, arg(2), &err))
	must(C.revcheck_evidence_new(&crls, &err))
	must(C.revcheck_evidence_add_file(crls, C.REVCHECK_EVIDENCE_CRL, arg(3), &err))
	q := (*C.struct_revcheck_query)(C.calloc(1, C.sizeof_struct_revcheck_query))
	q.size = C.sizeof_struct_revcheck_query
	q.chain, q.trust, q.evidence = chain, trust, crls
	q.mode = C.REVCHECK_MODE_HARD_FAIL
	must(C.revcheck_check(rc, &report, q, &err))
	fmt.Println(C.GoString(C.revcheck_version()),
		C.GoString(C.revcheck_report_text(report)))
	allowed := C.revcheck_report_allows(report) == 1
	C.free(unsafe.Pointer(q))
	C.revcheck_report_free(report)
	C.revcheck_evidence_free(crls)
	C.revcheck_trust_free(trust)
	C.revcheck_certs_free(chain)
	C.revcheck_free(rc)
	if !allowed {
		os.Exit(1)
	}
}
END
build() {
	(cd go && HOME=$PWD GOCACHE=$PWD/cache GOFLAGS=-mod=mod GOPROXY=off \
	    CGO_CFLAGS="-I$TOP/revcheck" \
	    CGO_LDFLAGS="-L$BUILD/lib -lrevcheck -Wl,-rpath,$BUILD/lib" \
	    go build -o ../ask .) >out 2>err
}
t 'Go: builds by cgo' build
t 'Go: good' run 0 ./ask good.pem root.pem crls
t 'Go: says so' shows "$version accepted"
t 'Go: revoked' run 1 ./ask revoked.pem root.pem crls
t 'Go: says so, too' shows 'refused'
echo "1..$n"
exit $bad
