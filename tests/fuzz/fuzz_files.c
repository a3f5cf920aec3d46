/*
 * fuzz_files: what the command reads from files: certificates, anchors, CRLs
 * and responses, PEM or DER, through the public functions.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "revcheck/revcheck.h"

const char fuzz_seeds[] = ".pem";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_certs(const uint8_t *data, size_t size)
{
	struct revcheck_certs *certs = NULL;
	struct revcheck_error err = {0};

	if (revcheck_certs_parse(&certs, data, size, "fuzz", &err) == 0) {
		assert(revcheck_certs_num(certs) > 0);
		for (size_t i = 0; i < revcheck_certs_num(certs); i++)
			assert(revcheck_certs_get0(certs, i) != NULL);
	} else {
		assert(certs == NULL && err.code < 0 && err.msg[0] != '\0');
	}
	revcheck_certs_free(certs);
}

static void
read_crl(const uint8_t *data, size_t size)
{
	struct revcheck_crl_info info = {.size = sizeof(info)};
	struct revcheck_crl *crl = NULL;
	struct revcheck_crl_entry entry;
	struct revcheck_error err = {0};
	size_t pos = 0, num = 0;

	if (revcheck_crl_parse(&crl, data, size, "fuzz", &err) != 0) {
		assert(crl == NULL && err.msg[0] != '\0');
		return;
	}
	revcheck_crl_get_info(crl, &info);
	while (revcheck_crl_next(crl, &pos, &entry) == 1)
		num++;
	assert(num == info.num_entries);
	assert(memchr(info.scope, 0, sizeof(info.scope)) != NULL);
	revcheck_crl_free(crl);
}

static void
read_evidence(const uint8_t *data, size_t size)
{
	static const enum revcheck_evidence_kind kinds[] = {
	    REVCHECK_EVIDENCE_CRL, REVCHECK_EVIDENCE_OCSP};
	struct revcheck_evidence *e = NULL;
	struct revcheck_error err = {0};

	for (size_t i = 0; i < 2; i++) {
		if (revcheck_evidence_new(&e, &err) != 0)
			abort();
		if (revcheck_evidence_add(
			e, kinds[i], data, size, "fuzz", &err) != 0)
			assert(err.msg[0] != '\0');
		revcheck_evidence_free(e);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_certs(data, size);
	read_crl(data, size);
	read_evidence(data, size);
	ERR_clear_error();
	return 0;
}
