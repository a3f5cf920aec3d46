/*
 * vectors: revocation requests in the AMQP dialect, of our own making. They
 * are written by Qpid Proton, whose encoder knows nothing of our reader.
 */
#ifndef TESTS_DOORMAN_VECTORS_H
#define TESTS_DOORMAN_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL fields travel as null. */
struct amqp_request {
	const char *serial, *csr_id, *reason, *reporter;
	bool has_name;
	const char *common_name, *country, *locality, *organisation, *unit,
	    *state;
	bool plain_reason;     /* a string instead of [name, ordinal] */
	bool described_serial; /* as a class of its own */
	bool reference;        /* the reporter is an object reference */
	bool reversed;         /* fields not in alphabetical order */
	bool short_object;     /* one value less than the schema's fields */
	bool no_schema_type;   /* the schema describes something else */
	unsigned depth;        /* lists around the transforms */
};

/* The whole body; the number of its bytes. */
size_t amqp_encode(uint8_t *out, size_t max, const struct amqp_request *r);

#endif
