/* page_headers: see the header. */
#include "gateway/rest/page_headers.h"

#include "gateway/rest/rest_internal.h"

void
page_headers_add(struct rest_request *req)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
	    {"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; "
		"img-src 'self'; connect-src 'self'; base-uri 'none'; "
		"form-action 'none'; frame-ancestors 'none'; "
		"require-trusted-types-for 'script'"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cross-Origin-Opener-Policy", "same-origin"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	    {"Cache-Control", "no-store"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		rest_add_header(req, rows[i].name, rows[i].value);
}
