/* report_pack: a report comes out of its bytes as it went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/engine/report.h"

#define NUM 3

static void
fill(char *text, size_t size, bool full, char c)
{
	size_t len = full ? size - 1 : 5;

	memset(text, c, len);
	text[len] = '\0';
}

/* Every text has a letter of its own; full: and all the room that it has. */
static struct revcheck_report *
report(size_t num, bool full)
{
	struct revcheck_report *r = report_new(num);

	assert_non_null(r);
	r->shadow_refuses = r->cached = r->has_anchor = true;
	r->mode = REVCHECK_MODE_HARD_FAIL;
	r->status = REVCHECK_REVOKED;
	r->why = REVCHECK_WHY_DENYLISTED;
	r->index = (int)num - 1;
	r->path_error = X509_V_ERR_CERT_HAS_EXPIRED;
	r->at = 1800000000;
	r->until = r->at + 1;
	r->changes = 7;
	fill(r->text, sizeof(r->text), full, 'a');
	fill(r->notes, sizeof(r->notes), full, 'b');
	for (size_t i = 0; i < num; i++) {
		struct revcheck_result *x = &r->results[i];

		x->status = REVCHECK_REVOKED;
		x->reason = 1;
		x->method = REVCHECK_METHOD_CRL;
		x->http_status = 200 + (int)i;
		x->stale = x->soft_accepted = 1;
		x->revoked_at = 1700000000 + (time_t)i;
		x->this_update = 1710000000;
		x->next_update = 1720000000;
		x->produced_at = 1730000000;
		x->fetched_at = 1740000000;
		x->submitted_index = i + 10;
		fill(x->crl_number, sizeof(x->crl_number), full, 'c');
		fill(x->url, sizeof(x->url), full, 'd');
		fill(x->subject, sizeof(x->subject), full, 'e');
		fill(x->issuer, sizeof(x->issuer), full, 'f');
		fill(x->serial, sizeof(x->serial), full, 'g');
		fill(x->signer, sizeof(x->signer), full, 'h');
		fill(x->text, sizeof(x->text), full, 'i');
	}
	return r;
}

static unsigned char *
packed_of(const struct revcheck_report *r, size_t *len)
{
	unsigned char *p;

	*len = revcheck_report_pack(r, NULL, 0);
	p = malloc(*len);
	assert_non_null(p);
	assert_int_equal(revcheck_report_pack(r, p, *len), *len);
	return p;
}

static void
same(const struct revcheck_report *r)
{
	const unsigned char(*ids)[32];
	struct revcheck_report *back;
	size_t len;
	unsigned char *p = packed_of(r, &len);
	char *want = revcheck_report_json(r, 0), *got;

	back = revcheck_report_unpack(p, len);
	free(p);
	assert_non_null(back);
	got = revcheck_report_json(back, 0);
	assert_string_equal(got, want);
	free(want);
	free(got);
	assert_int_equal(
	    revcheck_report_allows(back), revcheck_report_allows(r));
	assert_int_equal(
	    revcheck_report_x509_error(back), revcheck_report_x509_error(r));
	assert_int_equal(revcheck_report_num(back), revcheck_report_num(r));
	for (size_t i = 0; i < revcheck_report_num(r); i++)
		assert_memory_equal(revcheck_report_get0(back, i),
		    revcheck_report_get0(r, i), sizeof(struct revcheck_result));
	/* What it rests on is not in there: all of it concerns it. */
	assert_int_equal(
	    revcheck_report_sources(back, &ids), REVCHECK_SOURCES_ALL);
	assert_int_equal(revcheck_report_changes(back), 0);
	assert_int_equal(revcheck_report_until(back), 0);
	revcheck_report_free(back);
}

static void
it_says_what_it_said(void **state)
{
	(void)state;
	for (size_t num = 0; num <= NUM; num++)
		for (int full = 0; full < 2; full++) {
			struct revcheck_report *r = report(num, full == 1);

			same(r);
			r->allow = true;
			same(r);
			revcheck_report_free(r);
		}
}

static void
short_texts_take_little(void **state)
{
	struct revcheck_report *r = report(NUM, false);

	(void)state;
	assert_true(revcheck_report_pack(r, NULL, 0) < 600);
	revcheck_report_free(r);
}

/* Nothing is written beyond the room that there is. */
static void
room_is_not_left(void **state)
{
	struct revcheck_report *r = report(NUM, true);
	size_t len = revcheck_report_pack(r, NULL, 0);

	(void)state;
	for (size_t max = 0; max < len; max += 13) {
		unsigned char *p = malloc(max + 1);

		p[max] = 0xa5;
		assert_int_equal(revcheck_report_pack(r, p, max), len);
		assert_int_equal(p[max], 0xa5);
		free(p);
	}
	revcheck_report_free(r);
}

static void
what_is_not_whole_is_none(void **state)
{
	struct revcheck_report *r = report(NUM, true);
	size_t len;
	unsigned char *p = packed_of(r, &len), *part;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		/* Of its own, so that reading on is seen. */
		part = malloc(n + 1);
		memcpy(part + 1, p, n);
		assert_null(revcheck_report_unpack(part + 1, n));
		free(part);
	}
	part = calloc(1, len + 1);
	memcpy(part, p, len);
	assert_null(revcheck_report_unpack(part, len + 1));
	/* A text that does not end where its member does. */
	free(part);
	for (size_t i = 0; i < len; i++)
		if (p[i] == 'a' && p[i + 1] == '\0')
			p[i + 1] = 'a';
	assert_null(revcheck_report_unpack(p, len));
	/* More results than there are bytes. */
	memset(p, 0xff, len);
	assert_null(revcheck_report_unpack(p, len));
	free(p);
	revcheck_report_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_says_what_it_said),
	    cmocka_unit_test(short_texts_take_little),
	    cmocka_unit_test(room_is_not_left),
	    cmocka_unit_test(what_is_not_whole_is_none),
	};

	return cmocka_run_group_tests_name("report_pack", tests, NULL, NULL);
}
