/*
 * cost_crl: a CRL from bytes to index, all there and in pieces, but for the
 * hash of its bytes, which is OpenSSL's and costs several times as much.
 */
#include "tests/bench/cost.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/crl/crl.h"
#include "tests/lib/crlmake.h"

#define ENTRIES 10000
#define PIECE   ((size_t)16 << 10)

static uint8_t *der;
static size_t len;

static void
read_taken(void)
{
	uint8_t *copy = malloc(len);
	struct crl *crl;

	if (copy == NULL)
		exit(1);
	memcpy(copy, der, len);
	if (crl_parse_take(copy, len, NULL, &crl, NULL, NULL) != 0)
		exit(1);
	crl_free(crl);
}

static void
read_pieces(void)
{
	struct crl_builder *b = crl_builder_new(NULL);
	struct crl *crl;
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = len - at < PIECE ? len - at : PIECE;
		if (crl_builder_feed(b, span_of(der + at, n), NULL, NULL) != 0)
			exit(1);
	}
	if (crl_builder_finish(b, &crl, NULL, NULL) != 0)
		exit(1);
	crl_free(crl);
	crl_builder_free(b);
}

static void
hash_only(void)
{
	unsigned char md[32];
	uint8_t *copy = malloc(len);

	if (copy == NULL)
		exit(1);
	memcpy(copy, der, len);
	if (EVP_Digest(copy, len, md, NULL, EVP_sha256(), NULL) != 1)
		exit(1);
	free(copy);
}

static void
read_times(size_t n, void (*read_once)(void))
{
	der = crlmake_many(ENTRIES, NULL, &len);
	for (size_t i = 0; i < 2 + n; i++)
		read_once();
	free(der);
}

void
cost_crl_taken_loop(size_t n)
{
	read_times(n, read_taken);
}

void
cost_crl_pieces_loop(size_t n)
{
	read_times(n, read_pieces);
}

void
cost_crl_hash_loop(size_t n)
{
	read_times(n, hash_only);
}

void
cost_crl(struct cost *c, const char *fixtures)
{
	double hash = cost_loop("crl-hash", 20);

	(void)fixtures;
	cost_figure(c, "crl-entry-instructions",
	    (cost_loop("crl-taken", 20) - hash) / ENTRIES);
	cost_figure(c, "crl-entry-pieces-instructions",
	    (cost_loop("crl-pieces", 20) - hash) / ENTRIES);
}
