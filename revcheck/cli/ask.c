/* ask: see the header. */
#include "revcheck/cli/ask.h"

#include <stdlib.h>
#include <string.h>

#include "revcheck/cli/progress.h"

/* So long at most an answer is put off while something arrives. */
#define PATIENCE_MS 60000

static const struct {
	const char *word;
	unsigned bit;
} relaxations[] = {
    {"crl-version", REVCHECK_RELAX_CRL_VERSION},
    {"empty-revoked", REVCHECK_RELAX_EMPTY_REVOKED},
    {"empty-idp", REVCHECK_RELAX_EMPTY_IDP},
    {"trailing", REVCHECK_RELAX_TRAILING},
    {"no-crlsign", REVCHECK_RELAX_NO_CRLSIGN},
    {"serial-padding", REVCHECK_RELAX_SERIAL_PADDING},
    {"crl-dates", REVCHECK_RELAX_CRL_DATES},
    {"crl-extensions", REVCHECK_RELAX_CRL_EXTENSIONS},
    {"strict-empty-revoked", REVCHECK_STRICT_EMPTY_REVOKED},
};

int
ask_relax(struct revcheck_policy *policy, struct opt *table)
{
	struct opt *o = opt_get(table, "--relax");
	size_t num = sizeof(relaxations) / sizeof(relaxations[0]), j;

	for (int i = 0; i < o->count; i++) {
		for (j = 0; j < num; j++)
			if (strcmp(relaxations[j].word, o->values[i]) == 0)
				break;
		if (j == num)
			return cli_fail(EXIT_USAGE,
			    "option '--relax' expects one of crl-version, "
			    "empty-revoked, empty-idp, trailing, no-crlsign, "
			    "serial-padding, crl-dates, crl-extensions, "
			    "strict-empty-revoked; not '%s'",
			    o->values[i]);
		policy->relax |= relaxations[j].bit;
	}
	return 0;
}

/* The limits that come as numbers. */
static int
read_limits(struct ask *a, struct opt *table)
{
	uint64_t max_age = 0, missing = 0, skew = 0, level = 1, deadline = 0;
	const uint64_t far = 100ULL * 366 * 86400;

	if (opt_number(table, "--max-age", 1, far, &max_age) != 0 ||
	    opt_number(table, "--no-next-update", 1, far, &missing) != 0 ||
	    opt_number(table, "--skew", 0, 86400, &skew) != 0 ||
	    opt_number(table, "--security-level", 0, 5, &level) != 0 ||
	    opt_number(table, "--deadline-ms", 1, 86400000, &deadline) != 0)
		return EXIT_USAGE;
	a->policy.max_age_sec = (uint32_t)max_age;
	/* With --max-age, evidence without a nextUpdate lives as long, too. */
	a->policy.no_next_update_sec =
	    (uint32_t)(missing != 0 ? missing : max_age);
	if (opt_given(table, "--skew")) {
		a->policy.skew_sec = (uint32_t)skew;
		a->policy.no_skew = skew == 0;
	}
	if (opt_given(table, "--security-level"))
		a->policy.security_level = level == 0 ? -1 : (int)level;
	a->policy.deadline_ms = (uint32_t)deadline;
	return 0;
}

/* What is not known to be good is not accepted unless somebody says so. */
static int
read_mode(struct ask *a, struct opt *table)
{
	const char *mode = opt_value(table, "--mode");
	bool soft = opt_given(table, "--soft");

	a->policy.mode =
	    soft ? REVCHECK_MODE_SOFT_FAIL : REVCHECK_MODE_HARD_FAIL;
	if (mode == NULL)
		return 0;
	if (revcheck_mode_parse(&a->policy.mode, mode) != 0)
		return cli_fail(EXIT_USAGE,
		    "option '--mode' expects OFF, SOFT_FAIL, HARD_FAIL or ON; "
		    "not '%s'",
		    mode);
	if (soft && a->policy.mode != REVCHECK_MODE_SOFT_FAIL)
		return cli_fail(EXIT_USAGE,
		    "option '--soft' is '--mode SOFT_FAIL': give one of them");
	return 0;
}

static int
read_words(struct ask *a, struct opt *table)
{
	static const char *const methods[] = {
	    [REVCHECK_ORDER_OCSP_CRL] = "ocsp,crl",
	    [REVCHECK_ORDER_CRL_OCSP] = "crl,ocsp",
	    [REVCHECK_ORDER_OCSP] = "ocsp",
	    [REVCHECK_ORDER_CRL] = "crl",
	    [REVCHECK_ORDER_ALL] = "all",
	    NULL,
	};
	static const char *const scopes[] = {"chain", "leaf", NULL};
	static const char *const nonces[] = {
	    [REVCHECK_NONCE_OFF] = "off",
	    [REVCHECK_NONCE_OPTIONAL] = "optional",
	    [REVCHECK_NONCE_REQUIRED] = "required",
	    NULL,
	};
	static const char *const purposes[] = {
	    "none", "tls-client", "tls-server", NULL};
	int order = 0, scope = 0, nonce = 0, purpose = a->query.purpose;

	if (read_mode(a, table) != 0 ||
	    opt_word(table, "--method", methods, &order) != 0 ||
	    opt_word(table, "--scope", scopes, &scope) != 0 ||
	    opt_word(table, "--nonce", nonces, &nonce) != 0 ||
	    opt_word(table, "--purpose", purposes, &purpose) != 0)
		return EXIT_USAGE;
	a->policy.order = (enum revcheck_order)order;
	a->policy.nonce = (enum revcheck_nonce)nonce;
	a->query.purpose = purpose;
	if (scope == 1)
		a->query.flags |= REVCHECK_QUERY_LEAF_ONLY;
	if (opt_given(table, "--status-only"))
		a->query.flags |= REVCHECK_QUERY_STATUS_ONLY;
	return 0;
}

/* Input. */

int
ask_add_untrusted(struct ask *a, X509 *x)
{
	struct revcheck_certs *all = NULL;
	struct revcheck_error err;
	int rc = cert_list_add(&a->untrusted, x);

	if (rc != 0)
		return rc;
	if (revcheck_certs_from_x509(
		&all, a->untrusted.v, a->untrusted.num, &err) != 0)
		return cli_fail_library(&err);
	revcheck_certs_free(a->untrusted_certs);
	a->untrusted_certs = all;
	a->query.untrusted = all;
	return 0;
}

/* All --untrusted files become one list. */
static int
load_untrusted(struct ask *a, struct opt *table)
{
	struct opt *o = opt_get(table, "--untrusted");
	struct revcheck_error err;
	int rc = 0;

	for (int i = 0; rc == 0 && i < o->count; i++)
		rc = input_certs(&a->untrusted, o->values[i], &a->input);
	if (rc == 0 && a->untrusted.num > 0 &&
	    revcheck_certs_from_x509(&a->untrusted_certs, a->untrusted.v,
		a->untrusted.num, &err) != 0)
		rc = cli_fail_library(&err);
	return rc;
}

static int
load_evidence(struct ask *a, struct opt *table)
{
	static const struct {
		const char *option;
		enum revcheck_evidence_kind kind;
	} kinds[] = {
	    {"--crl", REVCHECK_EVIDENCE_CRL},
	    {"--ocsp", REVCHECK_EVIDENCE_OCSP},
	};
	struct revcheck_error err;
	struct opt *o;

	if (revcheck_evidence_new(&a->evidence, &err) != 0)
		return cli_fail_library(&err);
	for (size_t k = 0; k < 2; k++) {
		o = opt_get(table, kinds[k].option);
		for (int i = 0; i < o->count; i++)
			if (revcheck_evidence_add_file(a->evidence,
				kinds[k].kind, o->values[i], &err) != 0)
				return cli_fail_library(&err);
	}
	return 0;
}

/* The engine. */

static time_t
fixed_now(void *arg)
{
	return *(const time_t *)arg;
}

static void
print_log(void *arg, int level, const char *line)
{
	(void)arg;
	(void)level;
	cli_warn("%s", line);
}

static int
make_engine(struct ask *a, struct opt *table)
{
	struct opt *allow = opt_get(table, "--allow-address");
	const char *addresses[OPT_MAX_VALUES + 1] = {NULL};
	struct revcheck_options o = {
	    .size = sizeof(o),
	    .state_dir = opt_value(table, "--state-dir"),
	    .offline = opt_given(table, "--offline"),
	    .any_port = opt_given(table, "--any-port"),
	    .proxy = a->proxy,
	    .https_ca_file = a->https_ca_file,
	    .exchange = exchanges_hear,
	    .exchange_arg = &a->exchanges,
	};
	struct revcheck_error err;

	for (int i = 0; i < allow->count; i++)
		addresses[i] = allow->values[i];
	if (allow->count > 0)
		o.allow_addresses = addresses;
	if (opt_given(table, "--verbose")) {
		o.log = print_log;
		o.log_level = 3;
	}
	if (a->has_at) {
		o.now = fixed_now;
		o.now_arg = &a->at;
	}
	if (revcheck_new(&a->rc, &o, &err) != 0 ||
	    revcheck_addresses_new(&a->addresses, &o, &err) != 0)
		return cli_fail_library(&err);
	if (revcheck_set_policy(a->rc, &a->policy, &err) != 0)
		return cli_fail_library(&err);
	return 0;
}

int
ask_init(struct ask *a, struct opt *table, bool keep)
{
	int rc;

	exchanges_init(&a->exchanges, keep);
	a->policy.size = sizeof(a->policy);
	a->query.size = sizeof(a->query);
	a->json = opt_given(table, "--json");
	a->urls = opt_given(table, "--urls") || opt_given(table, "--urlfetch");
	a->offline = opt_given(table, "--offline");
	a->fetch_issuers = opt_given(table, "--fetch-issuers");
	a->patient = !opt_given(table, "--deadline-ms");
	a->has_at = opt_given(table, "--at");
	a->proxy = opt_value(table, "--proxy");
	a->https_ca_file = opt_value(table, "--https-ca-file");
	a->input.password_file = opt_value(table, "--password-file");
	if (opt_time(table, "--at", &a->at) != 0 || read_words(a, table) != 0 ||
	    read_limits(a, table) != 0 || ask_relax(&a->policy, table) != 0)
		return EXIT_USAGE;
	if (opt_exclude(table, "--offline", "--fetch-issuers") != 0 ||
	    opt_exclude(table, "--offline", "--urls") != 0 ||
	    opt_exclude(table, "--offline", "--urlfetch") != 0)
		return EXIT_USAGE;
	rc = anchors_load(&a->anchors, table, &a->input);
	if (rc == 0)
		rc = load_untrusted(a, table);
	if (rc == 0)
		rc = load_evidence(a, table);
	if (rc == 0)
		rc = make_engine(a, table);
	a->query.trust = a->anchors.trust;
	a->query.untrusted = a->untrusted_certs;
	a->query.evidence = a->evidence;
	if (a->has_at)
		a->query.at = a->at;
	return rc;
}

void
ask_cleanup(struct ask *a)
{
	revcheck_free(a->rc);
	progress_clear();
	revcheck_addresses_free(a->addresses);
	revcheck_evidence_free(a->evidence);
	revcheck_certs_free(a->untrusted_certs);
	cert_list_cleanup(&a->untrusted);
	anchors_cleanup(&a->anchors);
	exchanges_cleanup(&a->exchanges);
	url_list_cleanup(&a->issuers_tried);
	memset(a, 0, sizeof(*a));
}

time_t
ask_now(const struct ask *a)
{
	return a->has_at ? a->at : time(NULL);
}

/* Asking. */

struct revcheck_path_query
ask_path_query(const struct ask *a, const struct revcheck_certs *chain)
{
	return (struct revcheck_path_query){
	    .size = sizeof(struct revcheck_path_query),
	    .chain = chain,
	    .untrusted = a->untrusted_certs,
	    .at = a->query.at,
	    .purpose = a->query.purpose,
	    .security_level = a->policy.security_level};
}

bool
ask_too_early(
    struct ask *a, const struct revcheck_report *rep, uint64_t began_mono_ms)
{
	bool late = false;

	for (size_t i = 0; i < revcheck_report_num(rep); i++)
		late = late ||
		    revcheck_report_get0(rep, i)->why == REVCHECK_WHY_DEADLINE;
	return late && a->patient &&
	    cli_mono_ms() - began_mono_ms < PATIENCE_MS &&
	    exchanges_moving(&a->exchanges);
}

/* One who waits for an answer. */
struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct revcheck_report *rep;
	bool done;
};

/* On the engine's thread. */
static void
on_done(struct revcheck_report *rep, void *arg)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&w->lock);
	w->rep = rep != NULL ? revcheck_report_up_ref(rep) : NULL;
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* revcheck_check, and a line of progress meanwhile. */
static int
ask_once(
    struct ask *a, struct revcheck_report **rep, const struct revcheck_query *q)
{
	struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	struct revcheck_request *req;
	struct revcheck_error err;
	int rc = revcheck_submit(a->rc, &req, rep, q, NULL, on_done, &w, &err);

	if (rc < 0)
		return cli_fail_library(&err);
	if (rc == REVCHECK_DONE)
		return 0;
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		progress_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	revcheck_request_free(req);
	*rep = w.rep;
	return w.rep != NULL ? 0 : cli_fail(EXIT_SOFTWARE, "out of memory");
}

int
ask_question(struct ask *a, struct revcheck_report **rep,
    const struct revcheck_certs *chain)
{
	struct revcheck_query q = a->query;
	uint64_t began = cli_mono_ms();
	int rc;

	q.chain = chain;
	while (
	    (rc = ask_once(a, rep, &q)) == 0 && ask_too_early(a, *rep, began))
		revcheck_report_free(*rep);
	progress_clear();
	return rc;
}

/* --status-only. */

/* Does key of issuer verify cert's signature? */
static bool
signed_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key != NULL && X509_verify(cert, key) == 1;
}

/*
 * The issuer of cert in a list: by name and signature, else (want_signature
 * false) by name alone.
 */
static X509 *
issuer_in(const struct cert_list *list, X509 *cert, bool want_signature)
{
	for (size_t i = 0; i < list->num; i++)
		if (X509_NAME_cmp(X509_get_subject_name(list->v[i]),
			X509_get_issuer_name(cert)) == 0 &&
		    (!want_signature || signed_by(cert, list->v[i])))
			return list->v[i];
	return NULL;
}

/*
 * Who signed it, wherever it is; as given: else an issuer by name alone, and
 * the evidence will tell.
 */
static X509 *
issuer_of(const struct ask *a, const struct cert_list *above, X509 *leaf)
{
	const struct cert_list *lists[] = {
	    above, &a->untrusted, &a->anchors.certs};
	X509 *x = NULL;

	for (int by_signature = 1; by_signature >= 0; by_signature--)
		for (size_t i = 0; x == NULL && i < 3; i++)
			x = issuer_in(lists[i], leaf, by_signature == 1);
	return x != NULL || above->num == 0 ? x : above->v[0];
}

int
ask_pair(const struct ask *a, struct revcheck_certs **chain)
{
	struct cert_list above = {0};
	struct revcheck_certs *pair = NULL;
	X509 *v[2] = {revcheck_certs_get0(*chain, 0), NULL};
	struct revcheck_error err;
	int rc = 0;

	if ((a->query.flags & REVCHECK_QUERY_STATUS_ONLY) == 0)
		return 0;
	for (size_t i = 1; rc == 0 && i < revcheck_certs_num(*chain); i++)
		rc = cert_list_add(&above, revcheck_certs_get0(*chain, i));
	if (rc == 0)
		v[1] = issuer_of(a, &above, v[0]);
	if (rc == 0 && v[1] == NULL)
		rc = cli_fail(EXIT_INPUT,
		    "the issuer of the leaf is in none of the files, and "
		    "'--status-only' needs it");
	if (rc == 0 && revcheck_certs_from_x509(&pair, v, 2, &err) != 0)
		rc = cli_fail_library(&err);
	cert_list_cleanup(&above);
	if (rc != 0)
		return rc;
	revcheck_certs_free(*chain);
	*chain = pair;
	return 0;
}
