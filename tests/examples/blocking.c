/*
 * blocking CHAIN ANCHORS: asks about one chain and waits. Exit status 0 when
 * it may come in.
 */
#include <stdio.h>

#include <revcheck.h>

int
main(int argc, char **argv)
{
	static const char *const local[] = {"127.0.0.1", NULL};
	/* Sources on this machine, on any port: the example is a test, too. */
	struct revcheck_options options = {
	    .size = sizeof(options), .allow_addresses = local, .any_port = 1};
	struct revcheck_policy policy = {
	    .size = sizeof(policy), .mode = REVCHECK_MODE_HARD_FAIL};
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	struct revcheck_trust *trust = NULL;
	struct revcheck_certs *chain = NULL;
	struct revcheck_report *report = NULL;
	struct revcheck_query query = {.size = sizeof(query)};
	int ok = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: blocking CHAIN ANCHORS\n");
		return 2;
	}
	if (revcheck_new(&rc, &options, &err) != 0 ||
	    revcheck_set_policy(rc, &policy, &err) != 0 ||
	    revcheck_certs_load(&chain, argv[1], &err) != 0 ||
	    revcheck_trust_load(&trust, argv[2], &err) != 0)
		goto out;
	query.chain = chain;
	query.trust = trust;
	if (revcheck_check(rc, &report, &query, &err) < 0)
		goto out;
	ok = revcheck_report_allows(report);
	puts(revcheck_report_text(report));
out:
	if (err.code != 0)
		fprintf(stderr, "blocking: %s\n", err.msg);
	revcheck_report_free(report);
	revcheck_certs_free(chain);
	revcheck_trust_free(trust);
	revcheck_free(rc);
	return ok ? 0 : 1;
}
