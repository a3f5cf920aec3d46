/* vectors: see the header. */
#include "tests/doorman/vectors.h"

#include <stdlib.h>
#include <string.h>

#include <proton/codec.h>

#define BASE 0xc562000000000000u

static pn_bytes_t
bytes(const char *s)
{
	return pn_bytes(strlen(s), s);
}

/* described(BASE + what), and its list entered. */
static void
begin(pn_data_t *d, unsigned what)
{
	pn_data_put_described(d);
	pn_data_enter(d);
	pn_data_put_ulong(d, BASE + what);
	pn_data_put_list(d);
	pn_data_enter(d);
}

static void
begin_named(pn_data_t *d, const char *symbol)
{
	pn_data_put_described(d);
	pn_data_enter(d);
	pn_data_put_symbol(d, bytes(symbol));
	pn_data_put_list(d);
	pn_data_enter(d);
}

static void
end(pn_data_t *d)
{
	pn_data_exit(d);
	pn_data_exit(d);
}

static void
text(pn_data_t *d, const char *s)
{
	if (s != NULL)
		pn_data_put_string(d, bytes(s));
	else
		pn_data_put_null(d);
}

static void
field(pn_data_t *d, const char *name, const char *type)
{
	begin(d, 4);
	text(d, name);
	text(d, type);
	pn_data_put_list(d);
	pn_data_put_null(d);
	pn_data_put_null(d);
	pn_data_put_bool(d, false);
	pn_data_put_bool(d, false);
	end(d);
}

static void
composite(pn_data_t *d, const char *name, const char *symbol,
    const char *const *fields, size_t num, bool reversed)
{
	begin(d, 5);
	text(d, name);
	pn_data_put_null(d);
	pn_data_put_list(d);
	begin(d, 3);
	pn_data_put_symbol(d, bytes(symbol));
	pn_data_put_null(d);
	end(d);
	pn_data_put_list(d);
	pn_data_enter(d);
	for (size_t i = 0; i < num; i++)
		field(d, fields[reversed ? num - 1 - i : i], "string");
	pn_data_exit(d);
	end(d);
}

static void
put_reason(pn_data_t *d, const struct amqp_request *r)
{
	if (r->reason == NULL) {
		pn_data_put_null(d);
	} else if (r->plain_reason) {
		text(d, r->reason);
	} else {
		begin_named(d, "net.example:reason");
		text(d, r->reason);
		pn_data_put_int(d, 1);
		end(d);
	}
}

static void
put_name(pn_data_t *d, const struct amqp_request *r)
{
	if (!r->has_name) {
		pn_data_put_null(d);
		return;
	}
	begin_named(d, "net.example:name");
	text(d, r->common_name);
	text(d, r->country);
	text(d, r->locality);
	text(d, r->organisation);
	text(d, r->unit);
	text(d, r->state);
	end(d);
}

static void
put_serial(pn_data_t *d, const struct amqp_request *r)
{
	if (r->serial == NULL || !r->described_serial) {
		text(d, r->serial);
		return;
	}
	pn_data_put_described(d);
	pn_data_enter(d);
	pn_data_put_symbol(d, bytes("net.example:integer"));
	text(d, r->serial);
	pn_data_exit(d);
}

static void
put_reporter(pn_data_t *d, const struct amqp_request *r)
{
	if (!r->reference) {
		text(d, r->reporter);
		return;
	}
	pn_data_put_described(d);
	pn_data_enter(d);
	pn_data_put_ulong(d, BASE + 8);
	pn_data_put_uint(d, 1);
	pn_data_exit(d);
}

static void
object(pn_data_t *d, const struct amqp_request *r)
{
	void (*const put[])(pn_data_t *, const struct amqp_request *) = {
	    put_serial, NULL, put_name, put_reason, put_reporter};

	begin_named(d, "net.example:request");
	for (int i = 0; i < 5; i++) {
		int at = r->reversed ? 4 - i : i;

		if (r->short_object && i == 4)
			continue;
		if (at == 1)
			text(d, r->csr_id);
		else
			put[at](d, r);
	}
	end(d);
}

size_t
amqp_encode(uint8_t *out, size_t max, const struct amqp_request *r)
{
	static const char *const request[] = {"certificateSerialNumber",
	    "csrRequestId", "legalName", "reason", "reporter"};
	static const char *const name[] = {"commonName", "country", "locality",
	    "organisation", "organisationUnit", "state"};
	static const char magic[8] = "corda\1\0"; /* and one more zero */
	pn_data_t *d = pn_data(64);
	ssize_t n;

	begin(d, 1);
	object(d, r);
	begin(d, 2);
	pn_data_put_list(d);
	pn_data_enter(d);
	composite(d, "net.example.Request",
	    r->no_schema_type ? "net.example:other" : "net.example:request",
	    request, 5, r->reversed);
	composite(d, "net.example.Name", "net.example:name", name, 6, false);
	pn_data_exit(d);
	end(d);
	begin(d, 9);
	for (unsigned i = 0; i < r->depth; i++) {
		pn_data_put_list(d);
		pn_data_enter(d);
	}
	for (unsigned i = 0; i < r->depth; i++)
		pn_data_exit(d);
	end(d);
	end(d);
	memcpy(out, magic, sizeof(magic));
	n = pn_data_encode(d, (char *)out + 8, max - 8);
	pn_data_free(d);
	if (n < 0)
		abort();
	return 8 + (size_t)n;
}
