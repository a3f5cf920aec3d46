/*
 * ask: one question from its options to its exit status; check and connect
 * differ only in where the chain comes from.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "revcheck/cli/cli.h"

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
	const char *mode = opt_value(table, "--mode");
	int order = 0, scope = 0, nonce = 0, purpose = a->query.purpose;

	if (mode != NULL && revcheck_mode_parse(&a->policy.mode, mode) != 0)
		return cli_fail(EXIT_USAGE,
		    "option '--mode' expects OFF, SOFT_FAIL, HARD_FAIL or ON; "
		    "not '%s'",
		    mode);
	if (opt_word(table, "--method", methods, &order) != 0 ||
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

static int
load_trust(struct ask *a, struct opt *table, bool needed)
{
	/* Where Debian, Fedora, SUSE, Alpine and BSD keep their anchors. */
	static const char *const system[] = {
	    "/etc/ssl/certs/ca-certificates.crt",
	    "/etc/pki/tls/certs/ca-bundle.crt",
	    "/etc/ssl/ca-bundle.pem",
	    "/etc/ssl/cert.pem",
	};
	const char *path = opt_value(table, "--anchors");
	struct revcheck_error err;

	for (size_t i = 0;
	     path == NULL && !needed && i < sizeof(system) / sizeof(system[0]);
	     i++)
		if (access(system[i], R_OK) == 0)
			path = system[i];
	if (path == NULL)
		return cli_fail(EXIT_USAGE,
		    "option '--anchors' is missing: give a file "
		    "of trust anchors");
	if (revcheck_trust_load(&a->trust, path, &err) != 0)
		return cli_fail_library(&err);
	return 0;
}

/* All --untrusted files become one list. */
static int
load_untrusted(struct ask *a, struct opt *table)
{
	struct opt *o = opt_get(table, "--untrusted");
	struct revcheck_certs *files[OPT_MAX_VALUES] = {NULL};
	struct revcheck_error err;
	X509 **all = NULL;
	size_t num = 0;
	int rc = 0;

	if (o->count == 0)
		return 0;
	for (int i = 0; i < o->count; i++) {
		if (revcheck_certs_load(&files[i], o->values[i], &err) != 0) {
			rc = cli_fail_library(&err);
			goto out;
		}
		num += revcheck_certs_num(files[i]);
	}
	all = calloc(num + 1, sizeof(*all));
	if (all == NULL) {
		rc = cli_fail(EXIT_SOFTWARE, "out of memory");
		goto out;
	}
	num = 0;
	for (int i = 0; i < o->count; i++)
		for (size_t j = 0; j < revcheck_certs_num(files[i]); j++)
			all[num++] = revcheck_certs_get0(files[i], j);
	if (revcheck_certs_from_x509(&a->untrusted, all, num, &err) != 0)
		rc = cli_fail_library(&err);
out:
	for (int i = 0; i < o->count; i++)
		revcheck_certs_free(files[i]);
	free(all);
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
	fprintf(stderr, "revcheck: %s\n", line);
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
	    .proxy = opt_value(table, "--proxy"),
	    .https_ca_file = opt_value(table, "--https-ca-file"),
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
	if (revcheck_new(&a->rc, &o, &err) != 0)
		return cli_fail_library(&err);
	if (revcheck_set_policy(a->rc, &a->policy, &err) != 0)
		return cli_fail_library(&err);
	return 0;
}

int
ask_init(struct ask *a, struct opt *table, bool anchors_needed)
{
	int rc;

	a->policy.size = sizeof(a->policy);
	a->query.size = sizeof(a->query);
	a->json = opt_given(table, "--json");
	a->has_at = opt_given(table, "--at");
	if (opt_time(table, "--at", &a->at) != 0 || read_words(a, table) != 0 ||
	    read_limits(a, table) != 0 || ask_relax(&a->policy, table) != 0)
		return EXIT_USAGE;
	rc = load_trust(a, table, anchors_needed);
	if (rc == 0)
		rc = load_untrusted(a, table);
	if (rc == 0)
		rc = load_evidence(a, table);
	if (rc == 0)
		rc = make_engine(a, table);
	a->query.trust = a->trust;
	a->query.untrusted = a->untrusted;
	a->query.evidence = a->evidence;
	if (a->has_at)
		a->query.at = a->at;
	return rc;
}

void
ask_cleanup(struct ask *a)
{
	revcheck_free(a->rc);
	revcheck_evidence_free(a->evidence);
	revcheck_certs_free(a->untrusted);
	revcheck_certs_free(a->chain);
	revcheck_trust_free(a->trust);
	memset(a, 0, sizeof(*a));
}

static time_t
ask_now(const struct ask *a)
{
	return a->has_at ? a->at : time(NULL);
}

static int
exit_status(const struct revcheck_report *rep)
{
	if (revcheck_report_allows(rep))
		return EXIT_ACCEPTED;
	switch (revcheck_report_status(rep)) {
	case REVCHECK_REVOKED:
		return EXIT_REVOKED;
	case REVCHECK_PATH_INVALID:
		return EXIT_PATH_INVALID;
	default:
		return EXIT_UNDETERMINED;
	}
}

int
ask_run(struct ask *a)
{
	struct revcheck_report *rep = NULL;
	struct revcheck_error err;
	char *json;
	int rc;

	a->query.chain = a->chain;
	if (revcheck_check(a->rc, &rep, &a->query, &err) < 0)
		return cli_fail_library(&err);
	rc = exit_status(rep);
	if (a->json) {
		json = revcheck_report_json(rep, isatty(STDOUT_FILENO));
		if (json == NULL)
			rc = cli_fail(EXIT_SOFTWARE, "out of memory");
		else
			puts(json);
		free(json);
	} else {
		print_report(stdout, rep, ask_now(a));
	}
	revcheck_report_free(rep);
	/* An answer that could not be written counts as a failure. */
	if (fflush(stdout) != 0 || ferror(stdout))
		rc = cli_fail(EXIT_SOFTWARE, "cannot write the answer");
	return rc;
}
