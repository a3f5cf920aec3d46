/*
 * A header in which a proxy says who its peer is: the first byte is the format,
 * the first line the header, the rest a second one (a chain). Whatever comes
 * out is between one certificate and as many as are allowed, and whatever
 * was refused has a sentence that names the header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/authorize/peer_header.h"

#define MAX_CERTS 4

/* From tests/fuzz/seeds. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".peer";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_header rules = {
	    .name = "Peer", .hop = 1, .max_certs = MAX_CERTS};
	struct http_head *h = calloc(1, sizeof(*h));
	STACK_OF(X509) *out = NULL;
	const uint8_t *nl;
	struct err err;
	int rc;

	must(h != NULL);
	if (size == 0) {
		free(h);
		return 0;
	}
	rules.format = (enum conf_peer_format)(data[0] % 5);
	rules.hop = 1 + data[0] / 5 % 3;
	nl = memchr(data, '\n', size);
	h->fields[0] = (struct http_field){{"peer", 4},
	    {(const char *)data + 1,
		(nl != NULL && nl > data ? (size_t)(nl - data) : size) - 1}};
	h->num_fields = 1;
	if (nl != NULL && nl > data) {
		h->fields[1] = (struct http_field){{"Peer-Chain", 10},
		    {(const char *)nl + 1, size - (size_t)(nl - data) - 1}};
		h->num_fields = 2;
	}
	rc = peer_header_read(&out, &rules, h, &err);
	must((rc == 1) == (out != NULL));
	if (rc == 1)
		must(rules.format != CONF_PEER_UNSET && sk_X509_num(out) >= 1 &&
		    sk_X509_num(out) <= MAX_CERTS);
	else if (rc == 0)
		must(h->fields[0].value.len == 0);
	else
		must(rc == E_PARSE && strstr(err.msg, "header Peer ") != NULL);
	sk_X509_pop_free(out, X509_free);
	free(h);
	return 0;
}
