/* peer_header: see the header. */
#include "gateway/authorize/peer_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/authorize/peer_text.h"
#include "gateway/authorize/xfcc.h"

#define NAME_ROOM 80

/* 1: *out is its value; 0: there is none; E_PARSE. */
static int
find_value(struct http_text *out, const struct http_head *head,
    const char *name, struct err *err)
{
	const struct http_field *f = http_head_find(head, name);

	if (http_head_count(head, name) > 1)
		return err_set(err, E_PARSE,
		    "is there more than once: the proxy must replace what its "
		    "peer sends");
	if (f == NULL || f->value.len == 0)
		return 0;
	*out = f->value;
	return 1;
}

/* The next item of a list with commas, without blanks around it. */
static struct http_text
cut_item(struct http_text *list)
{
	const char *comma = memchr(list->p, ',', list->len);
	struct http_text item = *list;

	if (comma != NULL)
		item.len = (size_t)(comma - list->p);
	list->p += item.len;
	list->len -= item.len;
	while (item.len > 0 && (item.p[0] == ' ' || item.p[0] == '\t'))
		item.p++, item.len--;
	while (item.len > 0 &&
	    (item.p[item.len - 1] == ' ' || item.p[item.len - 1] == '\t'))
		item.len--;
	return item;
}

/* nginx */

static int
read_nginx(
    struct peer_certs *out, const struct http_text *value, struct err *err)
{
	if (memchr(value->p, '%', value->len) == NULL)
		return err_set(err, E_PARSE,
		    "is not %%-escaped PEM: $ssl_client_escaped_cert is "
		    "expected, not $ssl_client_cert");
	out->max = 1;
	return peer_text_escaped_pem(out, value, err);
}

/* Envoy */

static int
read_envoy(struct peer_certs *out, const struct http_text *value, uint32_t hop,
    struct err *err)
{
	struct peer_certs leaf = {.max = 1};
	struct xfcc_element e;
	int rc = xfcc_read(&e, value, hop, err);

	if (rc != 0)
		return rc;
	if (e.cert.p == NULL && e.chain.p == NULL)
		return err_set(err, E_PARSE,
		    "has neither Cert nor Chain: expected "
		    "set_current_client_cert_details with cert or chain");
	if (e.chain.p == NULL) {
		out->max = 1;
		return peer_text_escaped_pem(out, &e.cert, err);
	}
	rc = peer_text_escaped_pem(out, &e.chain, err);
	if (rc != 0 || e.cert.p == NULL)
		return rc;
	leaf.list = sk_X509_new_null();
	rc = leaf.list == NULL ? err_set(err, E_NOMEM, "out of memory")
			       : peer_text_escaped_pem(&leaf, &e.cert, err);
	if (rc == 0 &&
	    X509_cmp(sk_X509_value(leaf.list, 0), sk_X509_value(out->list, 0)))
		rc = err_set(
		    err, E_PARSE, "has a Chain that does not begin with Cert");
	sk_X509_pop_free(leaf.list, X509_free);
	return rc;
}

/* Traefik */

/* Before 2.9.4 '+', '/', '=' and the commas were escaped. */
static int
read_traefik(
    struct peer_certs *out, const struct http_text *value, struct err *err)
{
	struct http_text list = {"", 0};
	char *plain;
	int rc = peer_text_unescape(&plain, &list.len, value, err);

	if (rc != 0)
		return rc;
	list.p = plain;
	for (;;) {
		struct http_text item = cut_item(&list);

		rc = peer_text_base64(out, &item, err);
		if (rc != 0 || list.len == 0)
			break;
		list.p++, list.len--; /* the comma */
	}
	free(plain);
	return rc;
}

/* RFC 9440 */

/* A byte sequence of RFC 8941 without parameters. */
static int
read_sequence(
    struct peer_certs *out, const struct http_text *item, struct err *err)
{
	struct http_text inner = {item->p + 1, item->len - 2};

	if (item->len < 3 || item->p[0] != ':' || item->p[item->len - 1] != ':')
		return err_set(err, E_PARSE,
		    "is not a byte sequence, base64 between two colons");
	return peer_text_base64(out, &inner, err);
}

static int
read_rfc9440(struct peer_certs *out, const struct http_text *value,
    const struct http_head *head, const char *name, struct err *err)
{
	char chain[NAME_ROOM];
	struct http_text list = {"", 0};
	int rc = read_sequence(out, value, err);

	if (rc != 0)
		return rc;
	snprintf(chain, sizeof(chain), "%s-Chain", name);
	rc = find_value(&list, head, chain, err);
	while (rc == 1) {
		struct http_text item = cut_item(&list);
		int bad = read_sequence(out, &item, err);

		if (bad != 0)
			return bad;
		if (list.len == 0)
			return 0;
		list.p++, list.len--; /* the comma */
	}
	return rc;
}

int
peer_header_read(STACK_OF(X509) * *out, const struct peer_header *rules,
    const struct http_head *head, struct err *err)
{
	struct peer_certs certs = {.max = rules->max_certs};
	struct http_text value = {"", 0};
	struct err why = {0};
	int rc;

	*out = NULL;
	rc = find_value(&value, head, rules->name, &why);
	if (rc == 0)
		return 0;
	if (rc == 1) {
		certs.list = sk_X509_new_null();
		rc = certs.list == NULL
		    ? err_set(&why, E_NOMEM, "out of memory")
		    : err_set(&why, E_PARSE, "is of no format");
	}
	if (certs.list != NULL)
		switch (rules->format) {
		case CONF_PEER_NGINX:
			rc = read_nginx(&certs, &value, &why);
			break;
		case CONF_PEER_ENVOY:
			rc = read_envoy(&certs, &value, rules->hop, &why);
			break;
		case CONF_PEER_TRAEFIK:
			rc = read_traefik(&certs, &value, &why);
			break;
		case CONF_PEER_RFC9440:
			rc = read_rfc9440(
			    &certs, &value, head, rules->name, &why);
			break;
		case CONF_PEER_UNSET:
			break;
		}
	if (rc == 0 && sk_X509_num(certs.list) > 0) {
		*out = certs.list;
		return 1;
	}
	sk_X509_pop_free(certs.list, X509_free);
	if (rc == E_NOMEM)
		return err_set(err, E_NOMEM, "out of memory");
	return err_set(err, E_PARSE, "header %s %s", rules->name, why.msg);
}
