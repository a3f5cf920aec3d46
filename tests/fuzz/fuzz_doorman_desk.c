/*
 * The internal protocol, from the first byte: frames in, answers out, before
 * a database of one approved request of each kind. Nothing that is sent here
 * may publish anything: no CA key was ever used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/desk/desk_answer.h"

#define ID                                 \
	"AA112233445566778899AABBCCDDEEFF" \
	"00112233445566778899AABBCCDDEEFF"

#define ID_CSR                             \
	"BB112233445566778899AABBCCDDEEFF" \
	"00112233445566778899AABBCCDDEEFF"

static struct config config = {.approver_is_not_signer = 1};
static struct store store;

/* The seeds are written by tests/doorman/seeds.c. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".doorman-desk";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
/* NOLINTNEXTLINE(readability-non-const-parameter) */
take(void *arg, char why[DESK_WHY_MAX])
{
	(void)arg;
	(void)why;
	return true;
}

static X509 *
ca_make(const char *name)
{
	struct secret none = {.fd = 0};
	struct signing_key *key;
	struct issue_order o = {.kind = ISSUE_ROOT,
	    .subject = name,
	    .now = 1800000000,
	    .days = 3650};
	char dir[] = "/tmp/fuzz-desk.XXXXXX", spec[64];
	struct fault f;
	EVP_PKEY *pub;
	X509 *cert;

	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(spec, sizeof(spec), "file:%s/key", dir);
	if (signing_key_create(&pub, KEY_P256, spec, &none, false, &f) != 0 ||
	    signing_key_open(&key, spec, pub, &none, &f) != 0)
		abort();
	o.public_key = pub;
	cert = issue_certificate(&o, key, &f);
	signing_key_free(key);
	EVP_PKEY_free(pub);
	unlink(spec + 5);
	rmdir(dir);
	return cert;
}

static void
desk_set_up(void)
{
	struct fault f;

	config.root = ca_make("CN=Root");
	config.doorman = ca_make("CN=Doorman");
	snprintf(config.public_url, sizeof(config.public_url), "http://a");
	/* The log of what is refused would be most of the work. */
	log_to(-1);
	if (config.root == NULL || config.doorman == NULL ||
	    store_open(&store, ":memory:", true, &f) != 0 ||
	    store_run(&store, &f,
		"INSERT INTO request(id, kind, state, subject, created_at,"
		" list, serial, reason, reporter, approved_at, approved_by)"
		" VALUES('" ID "','revocation','APPROVED','O=A',1,'doorman',"
		"'1234',1,'r',2,'b')",
		"") != 0 ||
	    store_run(&store, &f,
		"INSERT INTO request(id, kind, state, subject, created_at,"
		" csr, key_hash, approved_at, approved_by) VALUES('" ID_CSR
		"','certificate','APPROVED','O=A',1,x'3000','x',2,'b')",
		"") != 0 ||
	    store_run(&store, &f,
		"INSERT INTO report(request, reporter, reason, origin, proof,"
		" at) VALUES('" ID "','r',4,'','holder',1),('" ID
		"','s',1,'','',2)",
		"") != 0 ||
	    store_run(&store, &f,
		"INSERT INTO approval(request, who, uid, at) VALUES('" ID
		"','b',7,2)",
		"") != 0)
		abort();
}

/* A signer may say that it failed, and nothing else becomes of a request. */
static void
nothing_but_failures(void)
{
	if (store_number(&store, -1, "SELECT count(*) FROM crl", "") != 0 ||
	    store_number(&store, -1,
		"SELECT count(*) FROM request WHERE state NOT IN('APPROVED',"
		"'FAILED')",
		"") != 0 ||
	    store_number(&store, -1,
		"SELECT count(*) FROM transition WHERE to_state<>'FAILED'",
		"") != 0 ||
	    store_run(&store, NULL,
		"UPDATE request SET state='APPROVED', trouble=NULL", "") != 0 ||
	    store_run(&store, NULL, "DELETE FROM transition", "") != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The last byte says whether this signer has approved it. */
	long uid = size > 0 ? data[size - 1] % 8 : -1;
	struct desk_seat seat = {false, {"fuzz", "", uid}, take, NULL};
	struct view in = view_of(data, size);
	struct buf out;
	bool more = true;

	if (store.db == NULL)
		desk_set_up();
	while (more) {
		long len =
		    wire_frame_len(in, seat.hello ? WIRE_MAX : WIRE_MAX_FIRST);

		if (len <= 0)
			break;
		buf_init(&out, 2 * WIRE_MAX);
		more = desk_answer(&seat, &store, &config,
		    view_of(in.p, (size_t)len), 1800000100, &out);
		/* One question, one whole answer. */
		if (out.failed ||
		    wire_frame_len(buf_view(&out), 2 * WIRE_MAX) !=
			(long)out.len)
			abort();
		buf_free(&out);
		in = view_of(in.p + len, in.len - (size_t)len);
	}
	nothing_but_failures();
	return 0;
}
