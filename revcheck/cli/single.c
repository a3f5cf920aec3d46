/* single: see the header. */
#include "revcheck/cli/single.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/progress.h"
#include "revcheck/cli/urls.h"

/* The path that the engine takes, too. */
static void
find_path(struct single *s)
{
	struct ask *a = s->ask;
	struct revcheck_path_query q = ask_path_query(a, s->chain);
	struct revcheck_error err;

	/* Taken as given. */
	if ((a->query.flags & REVCHECK_QUERY_STATUS_ONLY) != 0) {
		X509 *v[2] = {revcheck_certs_get0(s->chain, 0),
		    revcheck_certs_get0(s->chain, 1)};

		if (revcheck_certs_from_x509(&s->path, v, 2, &err) != 0)
			s->path = NULL;
		return;
	}
	if (revcheck_trust_verify(a->anchors.trust, &s->path, &q, NULL, &err) !=
	    1)
		s->path = NULL;
}

int
single_ask(struct single *s)
{
	struct revcheck_report *rep = NULL;
	struct ask *a = s->ask;
	int rc = ask_pair(a, &s->chain);

	if (rc == 0 && a->fetch_issuers)
		rc = issuers_fetch(&s->issuers, a, s->chain);
	if (rc == 0)
		rc = ask_question(a, &rep, s->chain);
	if (rc != 0)
		return rc;
	answer_make(&s->answer, rep);
	find_path(s);
	return 0;
}

void
single_cleanup(struct single *s)
{
	answer_cleanup(&s->answer);
	issuers_cleanup(&s->issuers);
	revcheck_certs_free(s->path);
	revcheck_certs_free(s->chain);
}

/* Whose URLs are looked at: the path, or what was given where there is none. */
static const struct revcheck_certs *
named_by(const struct single *s, size_t *num)
{
	const struct revcheck_certs *c = s->path != NULL ? s->path : s->chain;

	*num = revcheck_certs_num(c);
	/* An anchor's own URLs matter to nobody. */
	if (s->path != NULL && *num > 1)
		*num -= 1;
	return c;
}

static void
fetch_urls(struct url_report *out, const struct single *s,
    const struct revcheck_certs *c, size_t i)
{
	X509 *issuer = i + 1 < revcheck_certs_num(c)
	    ? revcheck_certs_get0(c, i + 1)
	    : NULL;

	urls_fetch(out, s->ask, revcheck_certs_get0(c, i), issuer);
}

void
single_print_more(FILE *f, const struct single *s)
{
	const struct revcheck_certs *c;
	struct url_report r;
	size_t num;

	for (size_t i = 0; i < s->issuers.num; i++)
		print_field(
		    f, "issuer from", TINT_NONE, "%s", s->issuers.urls[i]);
	if (!s->ask->urls)
		return;
	c = named_by(s, &num);
	for (size_t i = 0; i < num; i++) {
		fprintf(f, "\n%sURLs of certificate %zu%s\n",
		    tint_on(f, TINT_BOLD), i, tint_off(f));
		fflush(f);
		fetch_urls(&r, s, c, i);
		urls_print(f, &r, ask_now(s->ask));
		urls_cleanup(&r);
	}
}

cJSON *
single_json(const struct single *s)
{
	cJSON *o = answer_json(&s->answer, s->ask), *list;
	const struct revcheck_certs *c;
	struct url_report r;
	size_t num;

	if (o == NULL) {
		cli_fail(EXIT_SOFTWARE, "out of memory");
		return NULL;
	}
	if (s->ask->fetch_issuers) {
		list = cJSON_AddArrayToObject(o, "issuersFetched");
		for (size_t i = 0; i < s->issuers.num; i++)
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(s->issuers.urls[i]));
	}
	if (s->ask->urls) {
		list = cJSON_AddArrayToObject(o, "urls");
		c = named_by(s, &num);
		for (size_t i = 0; i < num; i++) {
			fetch_urls(&r, s, c, i);
			urls_add_json(list, &r, i);
			urls_cleanup(&r);
		}
	}
	return o;
}

int
single_end(const struct single *s)
{
	progress_clear();
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail(EXIT_SOFTWARE, "cannot write the answer");
	return s->answer.status;
}
