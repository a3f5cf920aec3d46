/*
 * Evidence for every question is looked up by issuer, where it can be: what a
 * check costs does not grow with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "revcheck/engine/evidence_set.h"
#include "revcheck/x509/name.h"
#include "tests/lib/crlmake.h"

#define NUM 50

static void
add_crl(struct revcheck_evidence *e, const char *cn)
{
	struct octets none = {0};
	struct crlmake how = {.entries = &none, .issuer = cn, .number = 1};
	size_t len;
	uint8_t *p = crlmake(&how, &len);

	assert_int_equal(
	    revcheck_evidence_add(e, REVCHECK_EVIDENCE_CRL, p, len, cn, NULL),
	    0);
	free(p);
}

static struct revcheck_evidence *
make(void)
{
	struct revcheck_evidence *e;
	char cn[32];

	assert_int_equal(revcheck_evidence_new(&e, NULL), 0);
	for (int i = 0; i < NUM; i++) {
		snprintf(cn, sizeof(cn), "issuer %d", i);
		add_crl(e, cn);
	}
	return e;
}

static void
crls_alone_get_an_index(void **state)
{
	struct revcheck_options o = {.size = sizeof(o), .offline = 1};
	struct revcheck_evidence *e = make();
	struct revcheck *rc[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(revcheck_new(&rc[i], &o, NULL), 0);
	assert_null(e->index);
	revcheck_set_local_evidence(rc[0], e);
	assert_non_null(e->index);
	for (size_t i = 0; i < NUM; i++) {
		struct span name = crl_get0_info(e->v[i].evidence->crl)->issuer;
		size_t at = evidence_set_find(e, name_hash(name));

		while (at < NUM && e->index[at].at != i)
			at++;
		assert_true(at < NUM);
		assert_true(e->index[at].hash == name_hash(name));
	}
	/* Two engines have the same one. */
	revcheck_set_local_evidence(rc[1], e);
	revcheck_evidence_free(e);
	for (int i = 0; i < 2; i++)
		revcheck_free(rc[i]);
}

/* What is told of in every answer, or is of no issuer, would be passed over. */
static void
others_get_none(void **state)
{
	static const unsigned char no_crl[] = {0x30, 0x03, 0x02, 0x01, 0x01};
	struct revcheck_evidence *e = make();

	(void)state;
	e->v[NUM / 2].kind = REVCHECK_EVIDENCE_OCSP;
	evidence_set_close(e);
	assert_null(e->index);
	e->v[NUM / 2].kind = REVCHECK_EVIDENCE_CRL;
	evidence_set_close(e);
	assert_non_null(e->index);
	revcheck_evidence_free(e);
	assert_int_equal(revcheck_evidence_new(&e, NULL), 0);
	assert_true(revcheck_evidence_add(e, REVCHECK_EVIDENCE_CRL, no_crl,
			sizeof(no_crl), "none", NULL) != 0);
	evidence_set_close(e);
	revcheck_evidence_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crls_alone_get_an_index),
	    cmocka_unit_test(others_get_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
