/*
 * oom: every allocation of the library made to fail in turn, over whole
 * questions from reading files to the JSON of the answer. Whatever fails: no
 * crash, no leak (the sanitizer build tells), an error with a sentence or an
 * answer; and nobody is let in who would not be with memory to spare.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "revcheck/revcheck.h"
#include "tests/oom/failing.h"

/* The clock of the vectors, 2026-01-15T12:00:00Z. */
#define NOW ((time_t)1768478400)
/* A question that needs more than this many allocations is not asked here. */
#define MAX_STEPS 4000

/* A whole question. */

static const char *
path_of(const char *dir, const char *name)
{
	static char buf[1024];

	snprintf(buf, sizeof(buf), "%s/%s", dir, name);
	return buf;
}

/* There, and not empty. */
static int
is_given(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* 1 let in, 0 refused, negative: the code of an error that says why. */
static int
question(const char *dir)
{
	struct revcheck_options o = {.size = sizeof(o), .offline = 1};
	struct revcheck_query q = {
	    .size = sizeof(q), .at = NOW, .mode = REVCHECK_MODE_HARD_FAIL};
	struct revcheck_certs *chain = NULL, *untrusted = NULL;
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	struct revcheck_report *rep = NULL;
	struct revcheck_evidence *ev = NULL;
	char *json = NULL;
	int code;

	code = revcheck_new(&rc, &o, &err);
	if (code == 0)
		code = revcheck_certs_load(
		    &chain, path_of(dir, "chain.pem"), &err);
	if (code == 0 && is_given(path_of(dir, "untrusted.pem")))
		code = revcheck_certs_load(
		    &untrusted, path_of(dir, "untrusted.pem"), &err);
	if (code == 0)
		code = revcheck_trust_load(
		    &q.trust, path_of(dir, "anchors.pem"), &err);
	if (code == 0)
		code = revcheck_evidence_new(&ev, &err);
	if (code == 0 && is_given(path_of(dir, "crls")))
		code = revcheck_evidence_add_file(
		    ev, REVCHECK_EVIDENCE_CRL, path_of(dir, "crls"), &err);
	if (code == 0 && is_given(path_of(dir, "ocsp")))
		code = revcheck_evidence_add_file(
		    ev, REVCHECK_EVIDENCE_OCSP, path_of(dir, "ocsp"), &err);
	q.chain = chain;
	q.untrusted = untrusted;
	q.evidence = ev;
	if (code == 0)
		code = revcheck_check(rc, &rep, &q, &err);
	if (code == 0) {
		json = revcheck_report_json(rep, 0);
		code = revcheck_report_allows(rep);
	} else if (err.code != code || err.msg[0] == '\0')
		code = -1000; /* an error without its sentence */
	free(json);
	revcheck_report_free(rep);
	revcheck_evidence_free(ev);
	revcheck_trust_free(q.trust);
	revcheck_certs_free(untrusted);
	revcheck_certs_free(chain);
	revcheck_free(rc);
	return code;
}

static int
run(int n, const char *dir, const char *name)
{
	int with_memory = question(dir), without, ok = 1;
	long steps = 0;

	for (; steps < MAX_STEPS; steps++) {
		failing_begin(steps);
		without = question(dir);
		if (!failing_end())
			break;
		if (without == -1000 || (without == 1 && with_memory != 1)) {
			printf("# allocation %ld: %d instead of %d\n", steps,
			    without, with_memory);
			ok = 0;
		}
	}
	if (with_memory < 0 || steps == MAX_STEPS) {
		printf("# %d, %ld allocations\n", with_memory, steps);
		ok = 0;
	}
	printf("%s %d - %s (%s, %ld allocations)\n", ok ? "ok" : "not ok", n,
	    name, with_memory == 1 ? "let in" : "refused", steps);
	return ok;
}

int
main(void)
{
	static const char *const rows[] = {
	    "listing/not_listed",
	    "listing/listed_without_reason",
	    "deltas/base_lists_newer_delta_empty",
	    "indirect/",
	    "ocsp-signer/",
	    "ocsp-status/",
	    "ocsp-many/",
	    "ocsp-flawed/",
	    "path-policy/another-ca-of-that-name-first",
	    "signers/",
	    "pkits-4.14-indirect/",
	};
	const char *build = getenv("BUILD");
	char dir[1024], pick[1024];
	int n = 0, ok = 1;

	if (build == NULL) {
		printf("Bail out! BUILD is not set\n");
		return 1;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dirent **names;
		int num;

		snprintf(dir, sizeof(dir), "%s/vectors/%s", build, rows[i]);
		if (rows[i][strlen(rows[i]) - 1] != '/') {
			ok &= run(++n, dir, rows[i]);
			continue;
		}
		/* Of a group: its first, middle and last row. */
		num = scandir(dir, &names, NULL, alphasort);
		for (int k = 2; k<num; k += num> 6 ? (num - 3) / 2 : 1) {
			snprintf(pick, sizeof(pick), "%.600s%.255s", dir,
			    names[k]->d_name);
			ok &= run(++n, pick, pick + strlen(build) + 9);
		}
		for (int k = 0; k < num; k++)
			free(names[k]);
		if (num >= 0)
			free(names);
	}
	printf("1..%d\n", n);
	return ok ? 0 : 1;
}
