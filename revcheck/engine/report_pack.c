/*
 * report_pack: a report as bytes: its numbers as they lie in it, its texts as
 * long as they are, then each result likewise. Any thread.
 */
#include <stddef.h>
#include <string.h>

#include "revcheck/engine/report.h"

/* A member that is text; its bytes are followed by a NUL. */
struct member {
	size_t at, size;
};
#define MEMBER(type, name)                                                    \
	{                                                                     \
		offsetof(struct type, name), sizeof(((struct type *)0)->name) \
	}

static const struct member report_texts[] = {
    MEMBER(revcheck_report, text), MEMBER(revcheck_report, notes)};
static const struct member result_texts[] = {
    MEMBER(revcheck_result, crl_number), MEMBER(revcheck_result, url),
    MEMBER(revcheck_result, subject), MEMBER(revcheck_result, issuer),
    MEMBER(revcheck_result, serial), MEMBER(revcheck_result, signer),
    MEMBER(revcheck_result, text)};
#define NUM(texts) (sizeof(texts) / sizeof(*(texts)))

/* The numbers: what lies between these two. */
#define REPORT_FROM  offsetof(struct revcheck_report, allow)
#define REPORT_BYTES (offsetof(struct revcheck_report, text) - REPORT_FROM)
#define RESULT_BYTES offsetof(struct revcheck_result, crl_number)
/* The least that one result takes. */
#define RESULT_LEAST (RESULT_BYTES + sizeof(size_t) + NUM(result_texts))

struct packing {
	unsigned char *out;
	size_t len, max; /* len grows beyond max; nothing is written then */
};

static void
pack(struct packing *p, const void *from, size_t len)
{
	if (p->len <= p->max && len <= p->max - p->len)
		memcpy(p->out + p->len, from, len);
	p->len += len;
}

static void
pack_texts(struct packing *p, const void *of, const struct member *m, size_t n)
{
	for (; n > 0; n--, m++) {
		const char *text = (const char *)of + m->at;

		pack(p, text, strlen(text) + 1);
	}
}

size_t
revcheck_report_pack(const struct revcheck_report *r, void *out, size_t max)
{
	struct packing p = {.out = out, .max = max};

	pack(&p, (const char *)r + REPORT_FROM, REPORT_BYTES);
	pack_texts(&p, r, report_texts, NUM(report_texts));
	for (size_t i = 0; i < r->num; i++) {
		const struct revcheck_result *res = &r->results[i];

		pack(&p, res, RESULT_BYTES);
		pack(&p, &res->submitted_index, sizeof(res->submitted_index));
		pack_texts(&p, res, result_texts, NUM(result_texts));
	}
	return p.len;
}

/* The rest of the bytes; false: they end too soon. */
static bool
unpack(struct span *s, void *to, size_t len)
{
	if (len > s->len)
		return false;
	memcpy(to, s->p, len);
	*s = (struct span){s->p + len, s->len - len};
	return true;
}

static bool
unpack_texts(struct span *s, void *of, const struct member *m, size_t n)
{
	for (; n > 0; n--, m++) {
		size_t most = m->size < s->len ? m->size : s->len;
		const unsigned char *end =
		    most > 0 ? memchr(s->p, '\0', most) : NULL;

		if (end == NULL ||
		    !unpack(s, (char *)of + m->at, (size_t)(end - s->p) + 1))
			return false;
	}
	return true;
}

static bool
unpack_results(struct span *s, struct revcheck_report *r)
{
	for (size_t i = 0; i < r->num; i++) {
		struct revcheck_result *res = &r->results[i];

		r->modes[i] = r->mode;
		if (!unpack(s, res, RESULT_BYTES) ||
		    !unpack(s, &res->submitted_index,
			sizeof(res->submitted_index)) ||
		    !unpack_texts(s, res, result_texts, NUM(result_texts)))
			return false;
	}
	return true;
}

struct revcheck_report *
revcheck_report_unpack(const void *packed, size_t len)
{
	struct span s = {packed, len};
	struct revcheck_report *r;
	size_t num;

	if (len < REPORT_BYTES)
		return NULL;
	memcpy(&num,
	    (const char *)packed + offsetof(struct revcheck_report, num) -
		REPORT_FROM,
	    sizeof(num));
	if (num > len / RESULT_LEAST)
		return NULL;
	r = report_new(num);
	if (r == NULL)
		return NULL;
	r->num_sources = REVCHECK_SOURCES_ALL;
	if (unpack(&s, (char *)r + REPORT_FROM, REPORT_BYTES) &&
	    unpack_texts(&s, r, report_texts, NUM(report_texts)) &&
	    unpack_results(&s, r) && s.len == 0)
		return r;
	revcheck_report_free(r);
	return NULL;
}
