/*
 * offline CHAIN ANCHORS CRLS: asks about a chain (PEM, leaf first) by the CRLs
 * of a directory alone; nothing is fetched. Prints the answer. Exit status 0
 * when it may come in.
 */
#include <stdio.h>

#include <revcheck.h>

int
main(int argc, char **argv)
{
	const char *crls[] = {argc == 4 ? argv[3] : NULL, NULL};
	struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1, .crl_paths = crls};
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	struct revcheck_trust *trust = NULL;
	struct revcheck_certs *chain = NULL;
	struct revcheck_report *report = NULL;
	int ok = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: offline CHAIN ANCHORS CRLS\n");
		return 2;
	}
	if (revcheck_new(&rc, &options, &err) == 0 &&
	    revcheck_certs_load(&chain, argv[1], &err) == 0 &&
	    revcheck_trust_load(&trust, argv[2], &err) == 0) {
		struct revcheck_query query = {.size = sizeof(query),
		    .chain = chain,
		    .trust = trust,
		    .mode = REVCHECK_MODE_HARD_FAIL};

		if (revcheck_check(rc, &report, &query, &err) == 0) {
			ok = revcheck_report_allows(report);
			puts(revcheck_report_text(report));
		}
	}
	if (err.code != 0)
		fprintf(stderr, "offline: %s\n", err.msg);
	revcheck_report_free(report);
	revcheck_certs_free(chain);
	revcheck_trust_free(trust);
	revcheck_free(rc);
	return ok ? 0 : 1;
}
