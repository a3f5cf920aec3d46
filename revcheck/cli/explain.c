/*
 * explain: `revcheck explain`, how a decision came about: certificate, sources,
 * what was asked and what came, what each piece of evidence says, the fact, the
 * policy, the decision.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/x509v3.h>

#include "revcheck/cli/cert_urls.h"
#include "revcheck/cli/commands.h"
#include "revcheck/cli/single.h"

/* The tree. */

#define TREE_DEPTH 6

/* Where a line hangs: which of the branches above go on below it. */
struct tree {
	bool open[TREE_DEPTH];
};

/* A line at a depth; last: nothing follows on its branch. */
CLI_LIKE(5, 6)
static void
line(struct tree *t, int depth, bool last, enum tint tint, const char *fmt, ...)
{
	char text[1400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_plain(text);
	for (int i = 0; i + 1 < depth; i++)
		fputs(t->open[i] ? "|  " : "   ", stdout);
	if (depth > 0) {
		fputs(last ? "`- " : "|- ", stdout);
		t->open[depth - 1] = !last;
	}
	printf("%s%s%s\n", tint_on(stdout, tint), text,
	    tint != TINT_NONE ? tint_off(stdout) : "");
}

/* One certificate. */

struct about {
	const struct single *s;
	size_t i;
	const struct revcheck_result *r;
	X509 *cert;   /* NULL: the path is not known */
	X509 *issuer; /* likewise */
	bool *told;   /* of the exchanges: under some certificate */
};

static void
collect_sources(struct url_list *ocsp, struct url_list *crl,
    struct url_list *delta, X509 *cert)
{
	if (cert == NULL)
		return;
	cert_urls_aia(ocsp, cert, NID_ad_OCSP);
	cert_urls_crl(crl, cert, NID_crl_distribution_points);
	cert_urls_crl(delta, cert, NID_freshest_crl);
}

static void
print_urls(
    struct tree *t, const struct url_list *l, const char *what, size_t *left)
{
	for (size_t i = 0; i < l->num; i++)
		line(t, 3, --*left == 0, TINT_NONE, "%s %s", what, l->v[i]);
}

static void
print_sources(struct tree *t, const struct about *x)
{
	struct url_list ocsp = {0}, crl = {0}, delta = {0};
	size_t num;

	collect_sources(&ocsp, &crl, &delta, x->cert);
	num = ocsp.num + crl.num + delta.num;
	line(t, 2, false, TINT_NONE, "sources: %s",
	    num == 0 ? "its CA names none" : "named in the certificate");
	print_urls(t, &ocsp, "OCSP", &num);
	print_urls(t, &crl, "CRL", &num);
	print_urls(t, &delta, "delta CRL", &num);
	url_list_cleanup(&ocsp);
	url_list_cleanup(&crl);
	url_list_cleanup(&delta);
}

/* Serial numbers without leading zeros are the same. */
static bool
same_serial(const char *a, const char *b)
{
	return strcasecmp(a + strspn(a, "0"), b + strspn(b, "0")) == 0;
}

/* Whether an exchange was made for this certificate. */
static bool
concerns(const struct exchange_seen *e, const struct about *x)
{
	struct url_list urls = {0};
	bool yes;

	if (x->cert == NULL)
		return false;
	if (e->kind == REVCHECK_EVIDENCE_OCSP) {
		cert_urls_aia(&urls, x->cert, NID_ad_OCSP);
		yes = same_serial(e->serial, x->r->serial);
	} else {
		cert_urls_crl(&urls, x->cert, NID_crl_distribution_points);
		cert_urls_crl(&urls, x->cert, NID_freshest_crl);
		yes = true;
	}
	yes = yes && url_list_has(&urls, e->url);
	url_list_cleanup(&urls);
	return yes;
}

static void
print_exchange(struct tree *t, bool last, const struct exchange_seen *e)
{
	char came[160] = "no answer yet", result[400];

	if (e->ended && e->http_status != 0)
		snprintf(came, sizeof(came), "HTTP %d, %llu bytes, %u ms",
		    e->http_status, (unsigned long long)e->bytes,
		    (unsigned)e->ms);
	else if (e->ended)
		snprintf(
		    came, sizeof(came), "nothing came, %u ms", (unsigned)e->ms);
	if (!e->ended)
		snprintf(result, sizeof(result), "it goes on");
	else if (e->why == REVCHECK_WHY_NONE)
		snprintf(result, sizeof(result), "authentic%s",
		    e->not_modified ? ", as it was before" : "");
	else
		snprintf(result, sizeof(result), "does not count, %s: %s",
		    revcheck_why_name(e->why), e->text);
	line(t, 3, last,
	    e->ended && e->why == REVCHECK_WHY_NONE ? TINT_NONE : TINT_WARN,
	    "%s %s: %s; %s", e->post ? "POST" : "GET", e->url, came, result);
}

static void
print_asked(struct tree *t, const struct about *x)
{
	struct exchanges *l = &x->s->ask->exchanges;
	size_t num = 0;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->num; i++)
		num += concerns(&l->v[i], x);
	line(t, 2, false, TINT_NONE, "asked: %s",
	    num > 0                  ? "over the network"
		: x->s->ask->offline ? "nobody (--offline)"
				     : "nobody");
	for (size_t i = 0; i < l->num; i++) {
		if (!concerns(&l->v[i], x))
			continue;
		x->told[i] = true;
		print_exchange(t, --num == 0, &l->v[i]);
	}
	pthread_mutex_unlock(&l->lock);
}

static void
print_weighed(struct tree *t, const struct about *x)
{
	const struct revcheck_report *rep = x->s->answer.rep;
	size_t num = revcheck_report_num_tries(rep, x->i);

	line(t, 2, false, TINT_NONE, "evidence: %s",
	    num == 0 ? "none" : "as each piece was weighed");
	for (size_t k = 0; k < num; k++) {
		const struct revcheck_result *r =
		    revcheck_report_get0_try(rep, x->i, k);
		bool source = r->method == REVCHECK_METHOD_NONE;

		line(t, 3, k + 1 == num,
		    source ? TINT_WARN : print_status_tint(r->status),
		    "%s%s%s %s: %s%s%s; %s",
		    source ? "no use" : revcheck_method_name(r->method),
		    source ? "" : " from ",
		    source ? "" : revcheck_source_name(r->source),
		    r->url[0] != '\0' ? r->url : "-",
		    revcheck_status_name(r->status),
		    r->why != REVCHECK_WHY_NONE ? ", " : "",
		    r->why != REVCHECK_WHY_NONE ? revcheck_why_name(r->why)
						: "",
		    r->text);
	}
}

/* The row of the policy that applies. */
static const char *
policy_row(const struct revcheck_result *r, enum revcheck_mode mode)
{
	bool hard = mode == REVCHECK_MODE_HARD_FAIL;

	switch (r->status) {
	case REVCHECK_GOOD:
		return "good is accepted";
	case REVCHECK_REVOKED:
		return "revoked is refused, whatever the mode";
	case REVCHECK_PATH_INVALID:
		return "an invalid path is refused, whatever the mode";
	case REVCHECK_NOT_ASKED:
		return hard
		    ? "not asked about: no part in the decision where another "
		      "was"
		    : "not asked about is accepted";
	case REVCHECK_UNKNOWN:
		break;
	}
	if (hard)
		return "unknown is refused";
	return r->soft_accepted
	    ? "unknown is accepted"
	    : "unknown is accepted, but not by evidence that is forged";
}

static void
print_certificate(struct tree *t, const struct about *x)
{
	const struct revcheck_result *r = x->r;
	enum revcheck_mode mode = revcheck_report_mode(x->s->answer.rep);
	bool named = r->why != REVCHECK_WHY_NONE;

	line(t, 1, false, TINT_BOLD, "certificate %zu%s: %s%s%s", x->i,
	    x->i == 0 ? " (leaf)" : "", r->subject,
	    r->serial[0] != '\0' ? ", serial " : "", r->serial);
	if (r->status == REVCHECK_NOT_ASKED) {
		line(t, 2, true, TINT_DIM, "not asked about: %s",
		    mode == REVCHECK_MODE_OFF ? "the mode is OFF"
			: x->issuer == NULL
			? "it is the anchor, which is trusted as it is"
			: "outside the scope, or below one that is revoked");
		return;
	}
	print_sources(t, x);
	print_asked(t, x);
	print_weighed(t, x);
	line(t, 2, false, print_status_tint(r->status), "fact: %s%s%s",
	    revcheck_status_name(r->status), named ? ", " : "",
	    named ? revcheck_why_name(r->why) : "");
	if (r->text[0] != '\0')
		line(t, 3, true, TINT_NONE, "%s", r->text);
	line(t, 2, true, TINT_NONE, "policy %s: %s", revcheck_mode_name(mode),
	    policy_row(r, mode));
}

/* All of it. */

/* Exchanges that belong to no certificate of the path: for who signed. */
static void
print_others(struct tree *t, const struct single *s, const bool *told)
{
	struct exchanges *l = &s->ask->exchanges;
	size_t num = 0;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->num; i++)
		num += !told[i];
	if (num > 0)
		line(t, 1, false, TINT_BOLD,
		    "asked besides, about who signed evidence");
	for (size_t i = 0; i < l->num; i++)
		if (!told[i])
			print_exchange(t, --num == 0, &l->v[i]);
	pthread_mutex_unlock(&l->lock);
}

static void
print_path(struct tree *t, const struct single *s)
{
	const struct ask *a = s->ask;
	size_t num = s->path != NULL ? revcheck_certs_num(s->path) : 0;

	if (num == 0)
		line(t, 1, false, TINT_BAD, "path: none%s%s",
		    s->answer.path_error != NULL ? ", " : "",
		    s->answer.path_error != NULL ? s->answer.path_error : "");
	else
		line(t, 1, false, TINT_NONE,
		    "path: %zu certificate%s, the anchor included", num,
		    num == 1 ? "" : "s");
	line(t, 2, s->issuers.num == 0, TINT_NONE, "anchors: %s%s",
	    a->anchors.system ? "the system's, " : "", a->anchors.from);
	for (size_t i = 0; i < s->issuers.num; i++)
		line(t, 2, i + 1 == s->issuers.num, TINT_NONE,
		    "issuer fetched from %s", s->issuers.urls[i]);
}

static void
print_decision(struct tree *t, const struct single *s)
{
	const struct answer *x = &s->answer;
	const char *lines = x->hints;
	size_t n;

	line(t, 1, true, x->tint, "decision: %s %s (mode %s, exit status %d)",
	    x->headline, x->word,
	    revcheck_mode_name(revcheck_report_mode(x->rep)), x->status);
	line(t, 2, lines[0] == '\0', TINT_NONE, "%s", x->text);
	for (; *lines != '\0'; lines += n + (lines[n] == '\n')) {
		n = strcspn(lines, "\n");
		line(t, 2, lines[n] == '\0', TINT_NONE, "%.*s", (int)n, lines);
	}
}

static int
print_tree(const struct single *s, const char *title)
{
	bool *told = calloc(EXCHANGES_MAX, sizeof(*told));
	const struct revcheck_report *rep = s->answer.rep;
	size_t num = s->path != NULL ? revcheck_certs_num(s->path) : 0;
	struct tree t = {0};

	if (told == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	line(&t, 0, false, TINT_BOLD, "%s", title);
	print_path(&t, s);
	for (size_t i = 0; i < revcheck_report_num(rep); i++) {
		struct about x = {.s = s,
		    .i = i,
		    .r = revcheck_report_get0(rep, i),
		    .told = told};

		if (i < num)
			x.cert = revcheck_certs_get0(s->path, i);
		if (i + 1 < num)
			x.issuer = revcheck_certs_get0(s->path, i + 1);
		print_certificate(&t, &x);
	}
	print_others(&t, s, told);
	free(told);
	print_decision(&t, s);
	return 0;
}

/* For programs: the document of check, and how it came about. */

static void
json_exchanges(cJSON *o, struct exchanges *l)
{
	cJSON *list = cJSON_AddArrayToObject(o, "asked"), *x;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->num; i++) {
		const struct exchange_seen *e = &l->v[i];

		x = cJSON_CreateObject();
		cJSON_AddStringToObject(x, "kind",
		    e->kind == REVCHECK_EVIDENCE_CRL ? "crl" : "ocsp");
		cJSON_AddStringToObject(x, "url", e->url);
		cJSON_AddStringToObject(x, "method", e->post ? "POST" : "GET");
		print_json_text(x, "serial", e->serial);
		if (e->http_status != 0)
			cJSON_AddNumberToObject(
			    x, "httpStatus", e->http_status);
		else
			cJSON_AddNullToObject(x, "httpStatus");
		cJSON_AddNumberToObject(x, "bytes", (double)e->bytes);
		cJSON_AddNumberToObject(x, "milliseconds", e->ms);
		cJSON_AddBoolToObject(x, "ended", e->ended);
		cJSON_AddBoolToObject(
		    x, "authentic", e->ended && e->why == REVCHECK_WHY_NONE);
		print_json_text(x, "why",
		    e->why != REVCHECK_WHY_NONE ? revcheck_why_name(e->why)
						: "");
		print_json_text(x, "text", e->text);
		cJSON_AddItemToArray(list, x);
	}
	pthread_mutex_unlock(&l->lock);
}

static void
json_weighed(cJSON *o, const struct revcheck_report *rep)
{
	cJSON *certs = cJSON_GetObjectItem(o, "certificates"), *list, *x;

	for (size_t i = 0; i < revcheck_report_num(rep); i++) {
		list = cJSON_AddArrayToObject(
		    cJSON_GetArrayItem(certs, (int)i), "weighed");
		for (size_t k = 0; k < revcheck_report_num_tries(rep, i); k++) {
			const struct revcheck_result *r =
			    revcheck_report_get0_try(rep, i, k);

			x = cJSON_CreateObject();
			cJSON_AddStringToObject(
			    x, "method", revcheck_method_name(r->method));
			cJSON_AddStringToObject(
			    x, "source", revcheck_source_name(r->source));
			cJSON_AddStringToObject(
			    x, "status", revcheck_status_name(r->status));
			print_json_text(x, "why",
			    r->why != REVCHECK_WHY_NONE
				? revcheck_why_name(r->why)
				: "");
			print_json_text(x, "url", r->url);
			print_json_text(x, "text", r->text);
			cJSON_AddItemToArray(list, x);
		}
	}
}

static int
tell(const struct single *s, const char *title)
{
	cJSON *json;
	int rc;

	if (s->ask->json) {
		json = single_json(s);
		if (json != NULL) {
			json_exchanges(json, &s->ask->exchanges);
			json_weighed(json, s->answer.rep);
		}
		rc = json != NULL ? print_document(json) : EXIT_SOFTWARE;
		cJSON_Delete(json);
	} else {
		rc = print_tree(s, title);
		if (rc == 0)
			single_print_more(stdout, s);
	}
	return rc != 0 ? rc : single_end(s);
}

int
cmd_explain(int argc, char **argv)
{
	struct opt table[] = {OPT_VALUE("--chain", "FILE"), ASK_OPTIONS, {0}};
	struct ask a = {0};
	struct single s = {.ask = &a};
	const char *path = NULL;
	int rc, num;

	rc = opt_parse("explain", table, argc, argv, &path, 1, &num);
	if (rc != 0)
		return rc;
	if (num + opt_given(table, "--chain") != 1)
		return cli_fail(
		    EXIT_USAGE, "give one file with a chain, the leaf first");
	if (num == 0)
		path = opt_value(table, "--chain");
	rc = ask_init(&a, table, true);
	a.query.flags |= REVCHECK_QUERY_KEEP_TRIES;
	if (rc == 0)
		rc = input_chain(&s.chain, path, &a.input);
	if (rc == 0)
		rc = single_ask(&s);
	if (rc == 0)
		rc = tell(&s, path);
	single_cleanup(&s);
	ask_cleanup(&a);
	return rc;
}
