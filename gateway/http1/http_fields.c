/*
 * http_fields: see http_fields.h. RFC 9440 for the certificates; RFC 9110
 * section 7.6.1 for what belongs to one connection only.
 */
#include "gateway/http1/http_fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "gateway/base/dn.h"

#define NAME_MAX_COMPARED 64

/*
 * Names of the gateway's own, and those by which other proxies say who is
 * there. Compared as the most careless reader would: "Client_Cert" is
 * "client-cert".
 */
static const char *const claims[] = {
    "client-cert", "client-cert-chain", "forwarded", "x-real-ip", NULL};
static const char *const claim_prefixes[] = {"p2p-gateway-", "x-forwarded-",
    "x-client-cert", "x-ssl-", "ssl-client-", NULL};

/*
 * Under the profile any, also what makes some servers go by another path than
 * that of the target, and more names of other proxies.
 */
static const char *const any_claims[] = {"x-original-url", "x-original-uri",
    "x-rewrite-url", "x-envoy-original-path", "x-client-verify", "x-client-dn",
    "x-client-s-dn", "x-arr-clientcert", "remote-user", "x-remote-user", NULL};
static const char *const any_claim_prefixes[] = {
    "cf-client-cert", "x-amzn-mtls-", "x-tls-client-", "wl-proxy-", NULL};

static const char *const hop_by_hop[] = {"connection", "keep-alive",
    "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
    "trailer", "transfer-encoding", "upgrade", NULL};

static bool
is_one_of(const struct http_text *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (http_text_is(name, *list))
			return true;
	return false;
}

static bool
is_like(const struct http_text *name, const char *const *names,
    const char *const *prefixes)
{
	char plain[NAME_MAX_COMPARED];
	struct http_text t = {plain, name->len};

	/* Longer than any of these, a name can only match a prefix. */
	if (t.len > sizeof(plain))
		t.len = sizeof(plain);
	for (size_t i = 0; i < t.len; i++) {
		char c = name->p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		plain[i] = letter || (c >= '0' && c <= '9') ? c : '-';
	}
	for (const char *const *p = prefixes; *p != NULL; p++) {
		struct http_text start = {plain, strlen(*p)};

		if (t.len >= start.len && http_text_is(&start, *p))
			return true;
	}
	return is_one_of(&t, names);
}

bool
http_field_is_claim(const struct http_text *name)
{
	return is_like(name, claims, claim_prefixes);
}

static bool
is_claim(const struct http_order *order, const struct http_text *name)
{
	return http_field_is_claim(name) ||
	    (order->any && is_like(name, any_claims, any_claim_prefixes));
}

/* Writing. */

static int
put_text(struct bytes *out, const char *text)
{
	return bytes_append(out, text, strlen(text));
}

static int
put_field(struct bytes *out, const struct http_field *f)
{
	int rc = bytes_append(out, f->name.p, f->name.len);

	if (rc == 0)
		rc = put_text(out, ": ");
	if (rc == 0)
		rc = bytes_append(out, f->value.p, f->value.len);
	return rc != 0 ? rc : put_text(out, "\r\n");
}

/* A byte sequence of RFC 8941: ":base64:". */
static int
put_certificate(struct bytes *out, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der), rc;
	size_t room;

	if (len < 0)
		return E_NOMEM;
	room = (size_t)(len + 2) / 3 * 4 + 1;
	rc = put_text(out, ":");
	if (rc == 0)
		rc = bytes_reserve(out, room);
	if (rc == 0)
		out->len +=
		    (size_t)EVP_EncodeBlock(out->p + out->len, der, len);
	OPENSSL_free(der);
	return rc != 0 ? rc : put_text(out, ":");
}

/* Leaf and intermediates; the anchor is at the end, and the node has it. */
static int
put_certificates(struct bytes *out, const struct revcheck_certs *certs)
{
	size_t num = revcheck_certs_num(certs);
	int rc = put_text(out, "Client-Cert: ");

	if (rc == 0)
		rc = put_certificate(out, revcheck_certs_get0(certs, 0));
	if (rc == 0 && num > 2)
		rc = put_text(out, "\r\nClient-Cert-Chain: ");
	for (size_t i = 1; rc == 0 && i + 1 < num; i++) {
		if (i > 1)
			rc = put_text(out, ", ");
		if (rc == 0)
			rc =
			    put_certificate(out, revcheck_certs_get0(certs, i));
	}
	return rc != 0 ? rc : put_text(out, "\r\n");
}

int
http_put_leaf(struct bytes *out, X509 *leaf)
{
	char subject[DN_MAX], hex[65];
	unsigned char md[32];

	subject_show(subject, sizeof(subject), leaf);
	if (X509_digest(leaf, EVP_sha256(), md, NULL) != 1)
		return E_NOMEM;
	text_hex(hex, md, sizeof(md));
	return bytes_printf(out,
	    "P2P-Gateway-Subject: %s\r\n"
	    "P2P-Gateway-Leaf-SHA256: %s\r\n",
	    subject, hex);
}

static int
put_peer(struct bytes *out, const struct http_peer *who)
{
	int rc = bytes_printf(out,
	    "P2P-Gateway-Address: %s\r\n"
	    "P2P-Gateway-TLS: %s\r\n"
	    "P2P-Gateway-Status: %s\r\n",
	    who->address, who->tls, who->status != NULL ? who->status : "none");

	if (rc != 0 || who->certs == NULL)
		return rc;
	rc = http_put_leaf(out, revcheck_certs_get0(who->certs, 0));
	return rc != 0 ? rc : put_certificates(out, who->certs);
}

/* Heads. */

/* Of this connection alone, or written by the gateway itself. */
static bool
is_dropped(const struct http_head *h, const struct http_field *f)
{
	return is_one_of(&f->name, hop_by_hop) ||
	    http_text_is(&f->name, "content-length") ||
	    http_head_lists(h, "connection", &f->name);
}

/* As it came, or what an absolute target says instead: RFC 9112 3.2.2. */
static int
put_host(struct bytes *out, const struct http_head *h,
    const struct http_order *order)
{
	const struct http_field *host = http_head_find(h, "host");
	struct http_field f = {.name = {"Host", 4}, .value = order->authority};

	if (order->authority.len > 0)
		return put_field(out, &f);
	return host != NULL ? put_field(out, host) : 0;
}

static int
put_body(struct bytes *out, const struct http_order *order)
{
	int rc = 0;

	if (order->body == HTTP_BODY_LENGTH)
		rc = bytes_printf(
		    out, "Content-Length: %" PRIu64 "\r\n", order->body_bytes);
	else if (order->body == HTTP_BODY_CHUNKED)
		rc = put_text(out, "Transfer-Encoding: chunked\r\n");
	if (rc == 0 && order->asks_node)
		rc = put_text(out, "Expect: 100-continue\r\n");
	return rc;
}

int
http_put_request(struct bytes *out, const struct http_head *h,
    const struct http_order *order, const struct http_peer *who)
{
	int rc = bytes_append(out, h->method.p, h->method.len);

	if (rc == 0)
		rc = put_text(out, " ");
	if (rc == 0)
		rc = bytes_append(out, order->target.p, order->target.len);
	if (rc == 0)
		rc = put_text(out, " HTTP/1.1\r\n");
	if (rc == 0)
		rc = put_host(out, h, order);
	for (size_t i = 0; rc == 0 && i < h->num_fields; i++) {
		const struct http_field *f = &h->fields[i];

		if (is_dropped(h, f) || http_text_is(&f->name, "host") ||
		    http_text_is(&f->name, "expect") ||
		    is_claim(order, &f->name))
			continue;
		rc = put_field(out, f);
	}
	if (rc == 0)
		rc = put_body(out, order);
	if (rc == 0)
		rc = put_peer(out, who);
	return rc != 0 ? rc : put_text(out, "\r\n");
}

static int
put_answer_fields(struct bytes *out, const struct http_head *h)
{
	int rc = bytes_printf(out, "HTTP/1.1 %03u ", h->status);

	if (rc == 0)
		rc = bytes_append(out, h->reason.p, h->reason.len);
	if (rc == 0)
		rc = put_text(out, "\r\n");
	for (size_t i = 0; rc == 0 && i < h->num_fields; i++)
		if (!is_dropped(h, &h->fields[i]))
			rc = put_field(out, &h->fields[i]);
	return rc;
}

int
http_put_answer(struct bytes *out, const struct http_head *h,
    enum http_framing framing, uint64_t length, bool close)
{
	int rc = put_answer_fields(out, h);

	if (rc == 0 && framing == HTTP_FRAMING_LENGTH)
		rc = bytes_printf(
		    out, "Content-Length: %" PRIu64 "\r\n", length);
	if (rc == 0 && framing == HTTP_FRAMING_CHUNKED)
		rc = put_text(out, "Transfer-Encoding: chunked\r\n");
	if (rc == 0 && close)
		rc = put_text(out, "Connection: close\r\n");
	return rc != 0 ? rc : put_text(out, "\r\n");
}

int
http_put_interim(struct bytes *out, const struct http_head *h)
{
	int rc = put_answer_fields(out, h);

	return rc != 0 ? rc : put_text(out, "\r\n");
}

int
http_put_refusal(struct bytes *out, unsigned status, const char *why, bool head)
{
	const char *words = http_status_words(status);
	char body[256];
	int len = snprintf(body, sizeof(body),
	    "{\"title\":\"%s\",\"status\":%u,\"details\":{\"reason\":\"%s\"}}",
	    words, status, why);

	if (len < 0 || (size_t)len >= sizeof(body))
		return E_LIMIT;
	return bytes_printf(out,
	    "HTTP/1.1 %u %s\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: %d\r\n"
	    "Connection: close\r\n"
	    "\r\n%s",
	    status, words, len, head ? "" : body);
}
