/*
 * pem: one PEM block (RFC 7468), decoded as it arrives. Text before the BEGIN
 * line is skipped, as tools print it; text after the END line is ignored but
 * for a further BEGIN, which is refused: one object a file.
 */
#ifndef CACHE_DER_PEM_H
#define CACHE_DER_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/span.h"

enum pem_state {
	PEM_BEFORE = 0, /* zero state: looking for the BEGIN line */
	PEM_BODY,
	PEM_END_LINE,
	PEM_AFTER,
	PEM_BAD,
};

struct pem {
	enum pem_state state;
	const char *label; /* what must stand in BEGIN and END */
	char line[80];     /* the line so far, outside the body */
	size_t line_len;
	bool line_long;     /* longer than that: no boundary line */
	uint32_t quantum;   /* base64 bits gathered */
	unsigned num_chars; /* characters of the quantum, 0..3 */
	unsigned num_pad;
};

void pem_init(struct pem *p, const char *label);

/*
 * pem_feed decodes `in` into out, which has room for in.len + 2 bytes: a
 * piece may end what an earlier one began. Returns false when this is not PEM
 * with that label.
 */
bool pem_feed(struct pem *p, struct span in, uint8_t *out, size_t *out_len);

/* pem_done: one whole block was seen. */
bool pem_done(const struct pem *p);

#endif
