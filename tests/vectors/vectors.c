/*
 * vectors DIR [GROUP]: runs the vector suite through the public interface, as
 * the command does: supplied evidence, nothing fetched, HARD_FAIL. One TAP
 * line a row; a row passes when status and why are the ones it states, and what
 * comes of them is what the mode says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "revcheck/revcheck.h"

/* The clock of all rows, 2026-01-15T12:00:00Z (fixtures/vectors). */
#define NOW ((time_t)1768478400)

enum {
	COL_GROUP,
	COL_NAME,
	COL_STATUS,
	COL_WHY,
	COL_OPTIONS,
	COL_RULE,
	NUM_COLS
};

#ifdef __SANITIZE_ADDRESS__
/*
 * OpenSSL before 3.0.22 loses a few bytes of policy constraints that do not
 * parse; leaks are looked for with newer ones only.
 */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return OpenSSL_version_num() < 0x30000160ul;
}
#endif

struct row {
	char *col[NUM_COLS];
	const char *dir;
};

static void
fail(const char *what, const char *path, const struct revcheck_error *err)
{
	printf("Bail out! %s %s: %s\n", what, path, err->msg);
	exit(1);
}

static void
options_read(
    const char *text, struct revcheck_policy *p, struct revcheck_query *q)
{
	char *copy = strdup(text), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(w, '=');
		long n = eq != NULL ? atol(eq + 1) : 0;
		size_t len = eq != NULL ? (size_t)(eq - w) : strlen(w);

		if (strncmp(w, "leaf", len) == 0)
			q->flags |= REVCHECK_QUERY_LEAF_ONLY;
		else if (strncmp(w, "status-only", len) == 0)
			q->flags |= REVCHECK_QUERY_STATUS_ONLY;
		else if (strncmp(w, "relax", len) == 0)
			p->relax = (unsigned)n;
		else if (strncmp(w, "max-age", len) == 0)
			p->max_age_sec = (uint32_t)n;
		else if (strncmp(w, "no-next", len) == 0)
			p->no_next_update_sec = (uint32_t)n;
		else if (strncmp(w, "level", len) == 0)
			p->security_level = n == 0 ? -1 : (int)n;
		else if (strncmp(w, "skew", len) == 0) {
			p->skew_sec = (uint32_t)n;
			p->no_skew = n == 0;
		} else if (strncmp(w, "at", len) == 0)
			q->at = NOW + n * 86400; /* days */
		else if (strncmp(w, "mode", len) == 0) {
			if (revcheck_mode_parse(&q->mode, eq + 1) != 0)
				abort();
		} else {
			printf("Bail out! unknown option %s\n", w);
			exit(1);
		}
	}
	free(copy);
}

/* "dir/name", good until the next call. */
static const char *
path_of(const char *dir, const char *name)
{
	static char path[2048];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path)) {
		printf("Bail out! a path too long\n");
		exit(1);
	}
	return path;
}

static struct revcheck_certs *
certs_of(const char *dir, const char *name)
{
	struct revcheck_certs *c = NULL;
	struct revcheck_error err = {0};
	const char *path = path_of(dir, name);
	FILE *f;
	long size = 0;

	f = fopen(path, "r");
	if (f != NULL) {
		fseek(f, 0, SEEK_END);
		size = ftell(f);
		fclose(f);
	}
	if (size > 0 && revcheck_certs_load(&c, path, &err) != 0)
		fail("cannot read", path, &err);
	return c;
}

/* Whether a mode lets that in: house rule, and not the library's own word. */
static int
lets_in(const struct row *r, enum revcheck_mode mode)
{
	const char *status = r->col[COL_STATUS];

	if (strcmp(status, "unknown") == 0)
		return mode == REVCHECK_MODE_SOFT_FAIL &&
		    strcmp(r->col[COL_WHY], "forged") != 0;
	return strcmp(status, "good") == 0 || strcmp(status, "not-asked") == 0;
}

static int
row_run(struct revcheck *rc, const struct row *r, int number)
{
	struct revcheck_policy policy = {
	    .size = sizeof(policy),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	};
	struct revcheck_query q = {
	    .size = sizeof(q),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags = REVCHECK_QUERY_OFFLINE,
	    .at = NOW,
	    .policy = &policy,
	};
	struct revcheck_certs *chain, *untrusted;
	struct revcheck_trust *trust = NULL;
	struct revcheck_evidence *evidence = NULL;
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};
	const char *path, *status, *why;
	int ok;

	options_read(r->col[COL_OPTIONS], &policy, &q);
	chain = certs_of(r->dir, "chain.pem");
	untrusted = certs_of(r->dir, "untrusted.pem");
	path = path_of(r->dir, "anchors.pem");
	if (revcheck_trust_load(&trust, path, &err) != 0)
		fail("cannot read", path, &err);
	if (revcheck_evidence_new(&evidence, &err) != 0)
		fail("no evidence for", r->dir, &err);
	path = path_of(r->dir, "crls");
	if (revcheck_evidence_add_file(
		evidence, REVCHECK_EVIDENCE_CRL, path, &err) != 0)
		fail("cannot read", path, &err);
	path = path_of(r->dir, "ocsp");
	if (revcheck_evidence_add_file(
		evidence, REVCHECK_EVIDENCE_OCSP, path, &err) != 0)
		fail("cannot read", path, &err);
	q.chain = chain;
	q.untrusted = untrusted;
	q.trust = trust;
	q.evidence = evidence;
	if (revcheck_check(rc, &report, &q, &err) != 0)
		fail("cannot check", r->dir, &err);
	status = revcheck_status_name(revcheck_report_status(report));
	why = revcheck_why_name(revcheck_report_why(report));
	ok = strcmp(status, r->col[COL_STATUS]) == 0 &&
	    strcmp(why, r->col[COL_WHY]) == 0 &&
	    revcheck_report_allows(report) == lets_in(r, q.mode);
	printf("%s %d - %s/%s\n", ok ? "ok" : "not ok", number,
	    r->col[COL_GROUP], r->col[COL_NAME]);
	if (!ok)
		printf("# expected %s %s, got %s %s: %s\n# rule: %s\n",
		    r->col[COL_STATUS], r->col[COL_WHY], status, why,
		    revcheck_report_text(report), r->col[COL_RULE]);
	revcheck_report_free(report);
	revcheck_evidence_free(evidence);
	revcheck_trust_free(trust);
	revcheck_certs_free(untrusted);
	revcheck_certs_free(chain);
	return ok;
}

static int
row_split(struct row *r, char *line)
{
	char *p = line;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < NUM_COLS; i++)
		r->col[i] = p != NULL ? strsep(&p, "\t") : NULL;
	return r->col[COL_OPTIONS] != NULL && r->col[COL_RULE] != NULL;
}

int
main(int argc, char **argv)
{
	const char *build = getenv("BUILD");
	struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1};
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	char top[900], path[1800], line[1024];
	const char *manifest;
	int number = 0, bad = 0;
	struct row r;
	FILE *f;

	if (argc > 1)
		snprintf(top, sizeof(top), "%s", argv[1]);
	else
		snprintf(top, sizeof(top), "%s/vectors",
		    build != NULL ? build : ".");
	manifest = path_of(top, "manifest.tsv");
	f = fopen(manifest, "r");
	if (f == NULL) {
		printf("Bail out! no %s\n", manifest);
		return 1;
	}
	if (revcheck_new(&rc, &options, &err) != 0)
		fail("no engine for", top, &err);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (!row_split(&r, line)) {
			printf("Bail out! malformed manifest\n");
			return 1;
		}
		if (argc > 2 && strcmp(argv[2], r.col[COL_GROUP]) != 0 &&
		    strcmp(argv[2], r.col[COL_NAME]) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%.200s/%.200s", top,
		    r.col[COL_GROUP], r.col[COL_NAME]);
		r.dir = path;
		bad += !row_run(rc, &r, ++number);
	}
	printf("1..%d\n", number);
	fclose(f);
	revcheck_free(rc);
	return bad != 0;
}
