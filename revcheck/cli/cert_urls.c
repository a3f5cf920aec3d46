/* cert_urls: see the header. */
#include "revcheck/cli/cert_urls.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

bool
url_list_add(struct url_list *l, const char *text, size_t len)
{
	char **v = realloc(l->v, (l->num + 1) * sizeof(char *));

	if (v == NULL)
		return false;
	l->v = v;
	v[l->num] = strndup(text, len);
	if (v[l->num] == NULL)
		return false;
	l->num++;
	return true;
}

bool
url_list_has(const struct url_list *l, const char *url)
{
	for (size_t i = 0; i < l->num; i++)
		if (strcmp(l->v[i], url) == 0)
			return true;
	return false;
}

void
url_list_cleanup(struct url_list *l)
{
	for (size_t i = 0; i < l->num; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct url_list){0};
}

static void
add_name(struct url_list *out, const GENERAL_NAME *name)
{
	const ASN1_IA5STRING *s;

	if (name->type != GEN_URI)
		return;
	s = name->d.uniformResourceIdentifier;
	url_list_add(out, (const char *)ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s));
}

void
cert_urls_aia(struct url_list *out, X509 *cert, int method)
{
	AUTHORITY_INFO_ACCESS *aia =
	    X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(aia); i++) {
		ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(aia, i);

		if (OBJ_obj2nid(d->method) == method)
			add_name(out, d->location);
	}
	AUTHORITY_INFO_ACCESS_free(aia);
	ERR_clear_error();
}

void
cert_urls_crl(struct url_list *out, X509 *cert, int extension)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, extension, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		DIST_POINT_NAME *n = sk_DIST_POINT_value(points, i)->distpoint;

		for (int k = 0; n != NULL && n->type == 0 &&
		     k < sk_GENERAL_NAME_num(n->name.fullname);
		     k++)
			add_name(
			    out, sk_GENERAL_NAME_value(n->name.fullname, k));
	}
	CRL_DIST_POINTS_free(points);
	ERR_clear_error();
}
