/*
 * oracle [DIR]: the CRL rows once more, asked of OpenSSL's own verification
 * (CRL_CHECK_ALL, EXTENDED_CRL_SUPPORT, USE_DELTAS). Where it answers as the
 * row says, the row passes; where it does not, the row must be in the table of
 * oracle_rows.h with that very answer, and why ours stands.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "tests/vectors/oracle_rows.h"

#define NOW ((time_t)1768478400)

struct question {
	STACK_OF(X509) * chain, *untrusted, *anchors;
	STACK_OF(X509_CRL) * crls;
	int unreadable; /* a CRL that OpenSSL does not parse */
};

static char path[8192];

static BIO *
file_open(const char *dir, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return BIO_new_file(path, "rb");
}

static STACK_OF(X509) * certs_read(const char *dir, const char *name)
{
	STACK_OF(X509) *out = sk_X509_new_null();
	BIO *b = file_open(dir, name);
	X509 *x;

	while (b != NULL && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)))
		sk_X509_push(out, x);
	BIO_free(b);
	ERR_clear_error();
	return out;
}

static void
crl_read(struct question *q, const char *dir, const char *name)
{
	BIO *b = file_open(dir, name);
	X509_CRL *c = d2i_X509_CRL_bio(b, NULL);

	/* d2i stops at the end of the object: what follows is not its. */
	if (c == NULL) {
		BIO_reset(b);
		c = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL);
	}
	if (c != NULL)
		sk_X509_CRL_push(q->crls, c);
	else
		q->unreadable++;
	BIO_free(b);
	ERR_clear_error();
}

static void
question_read(struct question *q, const char *dir)
{
	char crls[4000];
	struct dirent **names;
	int num;

	*q = (struct question){
	    .chain = certs_read(dir, "chain.pem"),
	    .untrusted = certs_read(dir, "untrusted.pem"),
	    .anchors = certs_read(dir, "anchors.pem"),
	    .crls = sk_X509_CRL_new_null(),
	};
	snprintf(crls, sizeof(crls), "%s/crls", dir);
	num = scandir(crls, &names, NULL, alphasort);
	for (int i = 0; i < num; i++) {
		if (names[i]->d_name[0] != '.')
			crl_read(q, crls, names[i]->d_name);
		free(names[i]);
	}
	if (num >= 0)
		free(names);
}

static void
question_cleanup(struct question *q)
{
	sk_X509_pop_free(q->chain, X509_free);
	sk_X509_pop_free(q->untrusted, X509_free);
	sk_X509_pop_free(q->anchors, X509_free);
	sk_X509_CRL_pop_free(q->crls, X509_CRL_free);
}

/* What OpenSSL says, in our words. */
static const char *
verdict(int error)
{
	switch (error) {
	case X509_V_OK:
		return "good";
	case X509_V_ERR_CERT_REVOKED:
		return "revoked";
	default:
		return "unknown";
	}
}

static int
ask(const struct question *q, const char *options)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_dup(q->untrusted);
	X509_VERIFY_PARAM *param;
	unsigned long flags = X509_V_FLAG_CRL_CHECK |
	    X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS |
	    X509_V_FLAG_PARTIAL_CHAIN;
	const char *p = strstr(options, "at=");
	int error;

	if (strstr(options, "leaf") == NULL)
		flags |= X509_V_FLAG_CRL_CHECK_ALL;
	for (int i = 1; i < sk_X509_num(q->chain); i++)
		sk_X509_push(others, sk_X509_value(q->chain, i));
	for (int i = 0; i < sk_X509_num(q->anchors); i++)
		X509_STORE_add_cert(store, sk_X509_value(q->anchors, i));
	X509_STORE_CTX_init(ctx, store, sk_X509_value(q->chain, 0), others);
	X509_STORE_CTX_set0_crls(ctx, q->crls);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, flags);
	X509_VERIFY_PARAM_set_time(
	    param, NOW + (p != NULL ? atol(p + 3) * 86400 : 0));
	p = strstr(options, "level=");
	X509_VERIFY_PARAM_set_auth_level(param, p != NULL ? p[6] - '0' : 2);
	error = X509_verify_cert(ctx) == 1 ? X509_V_OK
					   : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(others);
	ERR_clear_error();
	return error;
}

/* Options that OpenSSL has no word for. */
static int
not_comparable(const char *options)
{
	static const char *const ours[] = {
	    "relax", "max-age", "no-next", "skew", "status-only", "mode"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strstr(options, ours[i]) != NULL)
			return 1;
	return 0;
}

static const struct oracle_row *
row_named(const struct oracle_row *rows, size_t num, const char *name)
{
	for (size_t i = 0; i < num; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static const struct oracle_row *
argued(const char *name)
{
	const struct oracle_row *row = row_named(
	    oracle_rows, sizeof(oracle_rows) / sizeof(oracle_rows[0]), name);

	if (row == NULL && OpenSSL_version_num() < ORACLE_NEWER)
		row = row_named(oracle_older_rows,
		    sizeof(oracle_older_rows) / sizeof(oracle_older_rows[0]),
		    name);
	return row;
}

static int
row_compare(const char *dir, const char *group, const char *name,
    const char *status, const char *options, int number)
{
	const struct oracle_row *row = argued(name);
	const char *want, *got;
	struct question q;
	int error, ok;

	question_read(&q, dir);
	error = ask(&q, options);
	question_cleanup(&q);
	got = verdict(error);
	/* An invalid path and an undetermined status are one refusal there. */
	want = strcmp(status, "path-invalid") == 0 ? "unknown" : status;
	ok = strcmp(want, got) == 0 ||
	    (row != NULL && strcmp(row->openssl, got) == 0);
	printf("%s %d - openssl %s/%s\n", ok ? "ok" : "not ok", number, group,
	    name);
	if (!ok)
		printf("# we say %s, OpenSSL %s (%d, %s)%s%s\n", want, got,
		    error, X509_verify_cert_error_string(error),
		    row != NULL ? ", the table expects " : "",
		    row != NULL ? row->openssl : "");
	return ok;
}

int
main(int argc, char **argv)
{
	const char *build = getenv("BUILD");
	char top[1024], dir[3000], line[1024], *col[5], *p;
	int number = 0, bad = 0;
	FILE *f;

	if (argc > 1)
		snprintf(top, sizeof(top), "%s", argv[1]);
	else
		snprintf(top, sizeof(top), "%s/vectors",
		    build != NULL ? build : ".");
	snprintf(path, sizeof(path), "%s/manifest.tsv", top);
	f = fopen(path, "r");
	if (f == NULL) {
		printf("Bail out! no %s\n", path);
		return 1;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		p = line;
		for (int i = 0; i < 5; i++) {
			col[i] = strsep(&p, "\t");
			if (col[i] == NULL) {
				printf("Bail out! malformed manifest\n");
				return 1;
			}
		}
		if (strncmp(col[0], "ocsp", 4) == 0 ||
		    strncmp(col[0], "path", 4) == 0 || not_comparable(col[4]))
			continue;
		snprintf(
		    dir, sizeof(dir), "%s/%.200s/%.200s", top, col[0], col[1]);
		bad +=
		    !row_compare(dir, col[0], col[1], col[2], col[4], ++number);
	}
	printf("1..%d\n", number);
	fclose(f);
	return bad != 0;
}
