/* cache_item: see the header. Any thread. */
#include "revcheck/engine/cache_item.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "cache/base/subject.h"
#include "cache/base/text.h"

void
cache_item_of_crl(struct revcheck_cache_item *out, const struct crl *crl)
{
	const struct crl_info *i = crl_get0_info(crl);
	const unsigned char *p = i->issuer.p;
	X509_NAME *name;
	struct span value;
	bool critical;

	out->num_entries = i->num_entries;
	out->this_update = i->this_update;
	out->next_update = i->has_next_update ? i->next_update : 0;
	name = d2i_X509_NAME(NULL, &p, (long)i->issuer.len);
	if (name != NULL)
		subject_show_name(out->issuer, sizeof(out->issuer), name);
	X509_NAME_free(name);
	ERR_clear_error();
	if (crl_extension(crl, span_of("\x55\x1d\x14", 3), &critical, &value) &&
	    value.len > 2 && value.len - 2 < sizeof(out->number) / 2)
		text_hex(out->number, value.p + 2, value.len - 2);
}

void
cache_item_url(struct revcheck_cache_item *out, const char *url)
{
	size_t n = 0;

	for (; url != NULL && *url != '\0' && n + 1 < sizeof(out->url); url++)
		out->url[n++] = *url > 0x20 && *url < 0x7f ? *url : '?';
	out->url[n] = '\0';
}
