/*
 * urls: every URL that the certificates of a path name, fetched and judged one
 * by one: what is there, how old, signed by whom, how long it took. A report
 * beside the answer; it changes nothing about that.
 */
#ifndef REVCHECK_CLI_URLS_H
#define REVCHECK_CLI_URLS_H

#include "revcheck/cli/ask.h"

enum url_kind {
	URL_ISSUER = 0, /* AIA caIssuers */
	URL_OCSP,
	URL_CRL,
	URL_DELTA,
};

/* What came of one URL. Texts are cut to fit. */
struct url_result {
	enum url_kind kind;
	char url[512];
	const char *method; /* "GET", "POST" */
	long status;        /* HTTP, 0: none */
	size_t bytes;
	double seconds;
	bool fetched; /* something came with 200 */
	bool counts; /* and is what it should be, now, signed by whom it must */
	enum revcheck_status says; /* of the certificate; OCSP and CRLs */
	time_t this_update, next_update;
	char signer[256];
	char text[448]; /* why it counts or not */
};

/* The results of one certificate of the path. */
struct url_report {
	struct url_result *v; /* owned */
	size_t num;
};

/* issuer NULL: not known, and what it signs is not judged. */
void urls_fetch(
    struct url_report *out, const struct ask *a, X509 *cert, X509 *issuer);
void urls_cleanup(struct url_report *r);
void urls_print(FILE *f, const struct url_report *r, time_t now);
/* Appends to an array, each with the place of its certificate in the path. */
void urls_add_json(
    struct cJSON *list, const struct url_report *r, size_t certificate);

#endif
