/*
 * fuzz_crl_rules: one or more CRLs, one after the other, judged as if the CA
 * had signed them. Signatures are the one thing a fuzzer cannot make, so they
 * are taken as given here; crl_verify runs as well and must refuse.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cache/der/der.h"
#include "revcheck/crl/crl.h"
#include "revcheck/crl/crl_scope.h"
#include "tests/fuzz/pki.h"

const char fuzz_seeds[] = ".crl";

#define CRLS_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge_all(const struct crl_evidence *w, size_t num,
    const struct validity_rules *rules)
{
	for (size_t s = 0; s < fuzz_num_subjects(); s++) {
		const struct crl_subject *subject = fuzz_subject(s);
		struct revcheck_result r = {0};

		for (size_t i = 0; i < num; i++)
			(void)crl_may_concern(subject, w[i].crl);
		crl_status(subject, w, num, rules, &r);
		assert(r.status == REVCHECK_GOOD ||
		    r.status == REVCHECK_REVOKED ||
		    r.status == REVCHECK_UNKNOWN);
		assert((r.why == REVCHECK_WHY_NONE) ==
		    (r.status != REVCHECK_UNKNOWN));
		assert(memchr(r.text, 0, sizeof(r.text)) != NULL);
	}
}

static void
prove_refuses(const struct crl *crl, const struct validity_rules *rules)
{
	struct crl_signers who = fuzz_signers();
	struct crl_proof *proof = NULL;
	enum revcheck_why why = REVCHECK_WHY_NONE;
	struct err err = {0};

	if (crl_verify(&proof, crl, &who, rules, &why, &err) == 0)
		abort();
	assert(proof == NULL && why != REVCHECK_WHY_NONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct validity_rules rules = {
	    .at = FUZZ_NOW,
	    .skew_sec = 300,
	    .no_next_update_sec = 86400,
	    .security_level = 1,
	};
	struct crl_evidence w[CRLS_MAX] = {0};
	struct crl_proof proofs[CRLS_MAX] = {0};
	struct crl *crls[CRLS_MAX] = {0};
	struct span whole;
	size_t num = 0;
	struct der d;
	int tag;

	der_init(&d, span_of(data, size));
	while (num < CRLS_MAX && der_any(&d, &tag, NULL, &whole)) {
		enum crl_fault fault;
		struct crl_scope *scope = NULL;

		if (crl_parse(whole, NULL, &crls[num], &fault, NULL) != 0)
			continue;
		prove_refuses(crls[num], &rules);
		if (crl_scope_new(&scope, crls[num], &rules, NULL) != 0) {
			crl_free(crls[num]);
			continue;
		}
		proofs[num].signer = fuzz_ca();
		proofs[num].scope = scope;
		w[num] = (struct crl_evidence){
		    .crl = crls[num],
		    .proof = &proofs[num],
		    .signer_status = REVCHECK_GOOD,
		};
		num++;
	}
	judge_all(w, num, &rules);
	while (num-- > 0) {
		crl_scope_free(proofs[num].scope);
		crl_free(crls[num]);
	}
	return 0;
}
