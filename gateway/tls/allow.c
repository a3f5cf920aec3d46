/* allow: see the header. */
#include "gateway/tls/allow.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "gateway/base/dn.h"
#include "gateway/base/name_pattern.h"
#include "gateway/conf/conf.h"

/* What of a certificate rules ask for. */
struct person {
	X509 *leaf;
	GENERAL_NAMES *names; /* NULL: it has none */
	char issuer[DN_MAX];  /* "": it cannot be written */
	char *serial;         /* capital hexadecimal digits; NULL: negative */
};

/* The alternative names. */

static const ASN1_IA5STRING *
text_of(const GENERAL_NAME *name, int type)
{
	return name->type != type ? NULL
	    : type == GEN_DNS     ? name->d.dNSName
	    : type == GEN_URI     ? name->d.uniformResourceIdentifier
				  : name->d.rfc822Name;
}

static bool
is_clean(const GENERAL_NAME *name)
{
	static const int types[] = {GEN_DNS, GEN_URI, GEN_EMAIL};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const ASN1_IA5STRING *s = text_of(name, types[i]);
		const unsigned char *p = s != NULL ? s->data : NULL;

		for (int k = 0; s != NULL && k < s->length; k++)
			if (p[k] == 0 || p[k] >= 0x80)
				return false;
	}
	return true;
}

/* false: nobody can say what they are. */
static bool
read_names(struct person *p)
{
	int critical = -1;

	p->names =
	    X509_get_ext_d2i(p->leaf, NID_subject_alt_name, &critical, NULL);
	if (p->names == NULL)
		return critical == -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(p->names); i++)
		if (!is_clean(sk_GENERAL_NAME_value(p->names, i)))
			return false;
	return true;
}

static char *
serial_of(X509 *leaf)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
	char *hex = NULL, *out = NULL;

	if (n != NULL && !BN_is_negative(n))
		hex = BN_bn2hex(n);
	if (hex != NULL)
		out = name_pattern_serial(hex);
	OPENSSL_free(hex);
	BN_free(n);
	return out;
}

static bool
person_init(struct person *p, X509 *leaf)
{
	*p = (struct person){.leaf = leaf};
	if (leaf == NULL)
		return true;
	(void)dn_name_text(p->issuer, X509_get_issuer_name(leaf));
	p->serial = serial_of(leaf);
	return read_names(p);
}

static void
person_cleanup(struct person *p)
{
	GENERAL_NAMES_free(p->names);
	free(p->serial);
}

/* Conditions. One that is not set holds. */

typedef bool match_fn(const char *pattern, const char *name, size_t len);

static bool
names_hold(const struct person *p, const struct conf_texts *want, int type,
    match_fn *match)
{
	for (size_t i = 0; i < want->num; i++)
		for (int k = 0; k < sk_GENERAL_NAME_num(p->names); k++) {
			const ASN1_IA5STRING *s =
			    text_of(sk_GENERAL_NAME_value(p->names, k), type);

			if (s != NULL &&
			    match(want->list[i], (const char *)s->data,
				(size_t)s->length))
				return true;
		}
	return want->num == 0;
}

static bool
attribute_is(const X509_NAME_ENTRY *e, const struct conf_texts *want)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e));
	bool found = false;

	for (size_t i = 0; len >= 0 && i < want->num && !found; i++)
		found = strlen(want->list[i]) == (size_t)len &&
		    memcmp(want->list[i], utf8, (size_t)len) == 0;
	OPENSSL_free(utf8);
	return found;
}

static bool
attribute_holds(const struct person *p, const struct conf_texts *want, int nid)
{
	const X509_NAME *name;

	if (want->num == 0)
		return true;
	if (p->leaf == NULL)
		return false;
	name = X509_get_subject_name(p->leaf);
	for (int i = X509_NAME_get_index_by_NID((X509_NAME *)name, nid, -1);
	     i >= 0; i = X509_NAME_get_index_by_NID((X509_NAME *)name, nid, i))
		if (attribute_is(X509_NAME_get_entry(name, i), want))
			return true;
	return false;
}

static bool
text_holds(const char *have, const struct conf_texts *want)
{
	for (size_t i = 0; have != NULL && i < want->num; i++)
		if (strcmp(want->list[i], have) == 0)
			return true;
	return want->num == 0;
}

static bool
path_holds(const struct allow_place *place, const struct conf_texts *want)
{
	if (want->num == 0)
		return true;
	if (!place->http)
		return false;
	for (size_t i = 0; place->path != NULL && i < want->num; i++)
		if (name_pattern_path(
			want->list[i], place->path, place->path_len))
			return true;
	return place->path == NULL;
}

static bool
rule_holds(const struct conf_allow *r, const struct person *p,
    const struct allow_place *place)
{
	return text_holds(place->listen, &r->listen) &&
	    path_holds(place, &r->path) &&
	    names_hold(p, &r->dns, GEN_DNS, name_pattern_dns) &&
	    names_hold(p, &r->uri, GEN_URI, name_pattern_uri) &&
	    names_hold(p, &r->email, GEN_EMAIL, name_pattern_email) &&
	    attribute_holds(p, &r->cn, NID_commonName) &&
	    attribute_holds(p, &r->ou, NID_organizationalUnitName) &&
	    attribute_holds(p, &r->o, NID_organizationName) &&
	    text_holds(p->issuer, &r->issuer) &&
	    text_holds(p->serial, &r->serial);
}

bool
allow_holds(
    const struct conf *conf, X509 *leaf, const struct allow_place *place)
{
	struct person p;
	bool holds = false;

	if (!conf->allow_enforced)
		return true;
	if (person_init(&p, leaf))
		for (size_t i = 0; i < conf->num_allow && !holds; i++)
			holds = rule_holds(&conf->allow[i], &p, place);
	person_cleanup(&p);
	return holds;
}
