/* check: `revcheck check`, a chain in a file. */
#include <stdlib.h>

#include "revcheck/cli/cli.h"

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
issuer_in(const struct revcheck_certs *list, size_t from, X509 *cert,
    bool want_signature)
{
	X509 *x;

	for (size_t i = from; list != NULL && i < revcheck_certs_num(list);
	     i++) {
		x = revcheck_certs_get0(list, i);
		if (X509_NAME_cmp(X509_get_subject_name(x),
			X509_get_issuer_name(cert)) == 0 &&
		    (!want_signature || signed_by(cert, x)))
			return x;
	}
	return NULL;
}

/*
 * --status-only takes leaf and issuer as given: the chain becomes these two,
 * the issuer taken from the chain file, --untrusted or --anchors.
 */
static int
pair_up(struct ask *a, const char *anchors)
{
	struct revcheck_certs *loose = NULL, *pair = NULL;
	X509 *v[2] = {revcheck_certs_get0(a->chain, 0), NULL};
	struct revcheck_error err;
	int rc = 0;

	v[1] = issuer_in(a->chain, 1, v[0], true);
	if (v[1] == NULL)
		v[1] = issuer_in(a->untrusted, 0, v[0], true);
	if (v[1] == NULL && anchors != NULL) {
		if (revcheck_certs_load(&loose, anchors, &err) != 0)
			return cli_fail_library(&err);
		v[1] = issuer_in(loose, 0, v[0], true);
	}
	/* As given: an issuer by name alone, and the evidence will tell. */
	if (v[1] == NULL)
		v[1] = issuer_in(a->chain, 1, v[0], false);
	if (v[1] == NULL)
		v[1] = issuer_in(a->untrusted, 0, v[0], false);
	if (v[1] == NULL)
		v[1] = issuer_in(loose, 0, v[0], false);
	if (v[1] == NULL && revcheck_certs_num(a->chain) > 1)
		v[1] = revcheck_certs_get0(a->chain, 1);
	if (v[1] == NULL) {
		rc = cli_fail(EXIT_INPUT,
		    "the issuer of the leaf is in none of the files, and "
		    "'--status-only' needs it");
		goto out;
	}
	if (revcheck_certs_from_x509(&pair, v, 2, &err) != 0) {
		rc = cli_fail_library(&err);
		goto out;
	}
	revcheck_certs_free(a->chain);
	a->chain = pair;
out:
	revcheck_certs_free(loose);
	return rc;
}

int
cmd_check(int argc, char **argv)
{
	struct opt table[] = {
	    {"--chain", true, false, {0}, 0}, ASK_OPTIONS, {0}};
	struct ask a = {0};
	struct revcheck_error err;
	const char *path, *anchors;
	int rc, num;

	rc = opt_parse(table, argc, argv, NULL, 0, &num);
	if (rc != 0)
		return rc;
	if (opt_given(table, "--help"))
		return help_print(stdout, "check");
	path = opt_value(table, "--chain");
	if (path == NULL)
		return cli_fail(EXIT_USAGE,
		    "option '--chain' is missing: give a file with the leaf "
		    "first");
	rc = ask_init(&a, table, true);
	if (rc != 0)
		goto out;
	if (revcheck_certs_load(&a.chain, path, &err) != 0) {
		rc = cli_fail_library(&err);
		goto out;
	}
	anchors = opt_value(table, "--anchors");
	if (opt_given(table, "--status-only"))
		rc = pair_up(&a, anchors);
	if (rc == 0)
		rc = ask_run(&a);
out:
	ask_cleanup(&a);
	return rc;
}
