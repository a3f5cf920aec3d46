/*
 * fuzz_ocsp: responses through the reader, the acceptor and OpenSSL. What the
 * reader takes and finds no flaw in reads the same in both. Nothing a fuzzer
 * makes is signed, so nothing may be accepted.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/ocsp/ocsp.h"
#include "tests/fuzz/pki.h"

const char fuzz_seeds[] = ".der";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the reader took is read by OpenSSL, to the same count and states. */
static void
compare(const struct ocsp_response *r, const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	OCSP_RESPONSE *o = d2i_OCSP_RESPONSE(NULL, &p, (long)size);
	OCSP_BASICRESP *basic = NULL;
	struct ocsp_single single;
	struct der at;
	int num = 0, reason;

	/* Certificates inside are helpers; only those in use are parsed. */
	if (o == NULL)
		goto out;
	assert((uint64_t)OCSP_response_status(o) == r->status);
	if (r->tbs.len == 0 || (r->flaws & ~OCSP_FLAWS_FORGIVEN) != 0)
		goto out;
	basic = OCSP_response_get1_basic(o);
	if (basic == NULL)
		goto out;
	der_init(&at, r->singles);
	for (; ocsp_single_next(&at, &single); num++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, num);

		assert(one != NULL);
		assert(OCSP_single_get0_status(one, &reason, NULL, NULL,
			   NULL) == (int)single.status);
		if (single.status == OCSP_CERT_REVOKED)
			assert(reason == single.reason);
	}
	assert(num == OCSP_resp_count(basic));
out:
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(o);
	ERR_clear_error();
}

/* What is shown of it. */
static void
show(const uint8_t *data, size_t size)
{
	struct revcheck_ocsp_info info = {.size = sizeof(info)};
	struct revcheck_ocsp_answer a;
	size_t pos = 0, num = 0;

	if (revcheck_ocsp_get_info(&info, data, size, NULL) != 0)
		return;
	/* Each is read anew, and all of what is before it. */
	while (num < 8 && revcheck_ocsp_next(data, size, &pos, &a) == 1)
		num++;
	assert(num == info.num_answers || num == 8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct validity_rules rules = {.at = FUZZ_NOW,
	    .skew_sec = 300,
	    .no_next_update_sec = 86400,
	    .security_level = 1};
	struct crl_signers who = fuzz_signers();
	struct ocsp_question q = {.subject = who.chain[0],
	    .issuer = fuzz_ca(),
	    .extra = who.chain,
	    .num_extra = who.num_chain,
	    .nonce = span_of("fuzz", 4)};
	struct ocsp_proof *proof = NULL;
	struct ocsp_response r;
	enum revcheck_why why = REVCHECK_WHY_NONE;
	struct err err = {0};

	show(data, size);
	if (ocsp_parse(&r, span_of(data, size), &err) == 0)
		compare(&r, data, size);
	else
		assert(err.msg[0] != '\0');
	if (ocsp_verify(&proof, span_of(data, size), &q, &rules, &why, &err) ==
	    0)
		abort();
	assert(proof == NULL && why != REVCHECK_WHY_NONE);
	return 0;
}
