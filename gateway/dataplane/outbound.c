/*
 * outbound: outbound connections. A fixed link knows its peer from the
 * configuration; a CONNECT request (RFC 9110 9.3.6) names it, and must be on
 * the list of what is allowed. The answer "200" is sent after the verdict,
 * never before. Runs on the worker's thread.
 */
#include "gateway/dataplane/outbound.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/tls/handshake.h"
#include "gateway/dataplane/worker.h"

#define OUTBOUND_HEAD_BYTES 8192
#define OUTBOUND_HOST_MAX   255

#define OUTBOUND_CONNECT_TIMEOUT_MS 5000

struct outbound_head {
	char text[OUTBOUND_HEAD_BYTES + 1];
	size_t len;
	size_t body; /* where bytes after the head begin */
	bool answered;
	char host[OUTBOUND_HOST_MAX + 1];
	char target[OUTBOUND_HOST_MAX + 8]; /* host:port, brackets and all */
	struct address address;
};

static const struct conf_link *
outbound_conf(const struct conn *c)
{
	return &c->runtime->conf->links[c->link];
}

int
outbound_new(struct conn *c, const struct listen_port *port)
{
	c->link = port->link;
	c->via_connect = port->kind == LISTENER_CONNECT;
	if (!c->via_connect) {
		c->trust = outbound_conf(c)->trust;
		return 0;
	}
	c->head = calloc(1, sizeof(*c->head));
	return c->head == NULL ? E_NOMEM : 0;
}

void
outbound_head_free(struct outbound_head *h)
{
	if (h == NULL)
		return;
	address_cleanup(&h->address);
	free(h);
}

/* CONNECT. */

/* A short answer into an empty socket buffer: all of it, or it is lost. */
static void
outbound_answer(struct conn *c, const char *status)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	    status);

	if (c->head == NULL || c->head->answered || c->plain_fd < 0)
		return;
	c->head->answered = true;
	(void)!send(c->plain_fd, text, (size_t)n, MSG_NOSIGNAL);
}

void
outbound_say_failed(struct conn *c)
{
	outbound_answer(c, "502 Bad Gateway");
}

/* "host:port", "*.host:port", "*:port" */
static bool
outbound_pattern_matches(const char *pattern, const char *target)
{
	const char *pport = strrchr(pattern, ':');
	const char *tport = strrchr(target, ':');
	size_t plen, tlen;

	if (pport == NULL || tport == NULL ||
	    (strcmp(pport, ":*") != 0 && strcmp(pport, tport) != 0))
		return false;
	plen = (size_t)(pport - pattern);
	tlen = (size_t)(tport - target);
	if (plen == 1 && pattern[0] == '*')
		return true;
	if (plen > 2 && pattern[0] == '*' && pattern[1] == '.')
		return tlen > plen - 1 &&
		    strncasecmp(
			pattern + 1, target + tlen - (plen - 1), plen - 1) == 0;
	return plen == tlen && strncasecmp(pattern, target, plen) == 0;
}

static bool
outbound_target_allowed(const struct conn *c, const char *target)
{
	const struct conf_connect *connect_conf = &c->runtime->conf->connect;

	for (size_t i = 0; i < connect_conf->num_allow; i++)
		if (outbound_pattern_matches(connect_conf->allow[i], target))
			return true;
	return false;
}

static enum outbound_head_result
outbound_parse_head(struct conn *c)
{
	struct outbound_head *h = c->head;
	struct err err;
	const char *space;
	size_t len;

	if (strncmp(h->text, "CONNECT ", 8) != 0) {
		outbound_answer(c, "405 Method Not Allowed");
		return OUTBOUND_HEAD_BAD;
	}
	space = strchr(h->text + 8, ' ');
	len = space == NULL ? 0 : (size_t)(space - h->text) - 8;
	if (len == 0 || len >= sizeof(h->target) ||
	    strncmp(space, " HTTP/1.", 8) != 0)
		goto bad;
	memcpy(h->target, h->text + 8, len);
	h->target[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)h->target[i]) ||
		    h->target[i] == '/' || h->target[i] == '@')
			goto bad;
	if (strncasecmp(h->target, "unix:", 5) == 0 ||
	    address_parse(&h->address, h->target, false, &err) != 0 ||
	    h->address.host == NULL)
		goto bad;
	snprintf(h->host, sizeof(h->host), "%s", h->address.host);
	if (!outbound_target_allowed(c, h->target)) {
		log_line(c->worker->log, LOG_LEVEL_WARN,
		    "refused outbound CONNECT to '%s': not on the list of "
		    "allowed targets",
		    h->target);
		outbound_answer(c, "403 Forbidden");
		return OUTBOUND_HEAD_BAD;
	}
	return OUTBOUND_HEAD_OK;
bad:
	outbound_answer(c, "400 Bad Request");
	return OUTBOUND_HEAD_BAD;
}

enum outbound_head_result
outbound_read_head(struct conn *c)
{
	struct outbound_head *h = c->head;
	char *end;
	ssize_t n;

	n = recv(
	    c->plain_fd, h->text + h->len, OUTBOUND_HEAD_BYTES - h->len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? OUTBOUND_HEAD_MORE
							 : OUTBOUND_HEAD_BAD;
	if (n == 0 || memchr(h->text + h->len, '\0', (size_t)n) != NULL)
		return OUTBOUND_HEAD_BAD;
	h->len += (size_t)n;
	h->text[h->len] = '\0';
	end = strstr(h->text, "\r\n\r\n");
	if (end != NULL) {
		h->body = (size_t)(end - h->text) + 4;
		return outbound_parse_head(c);
	}
	if (h->len < OUTBOUND_HEAD_BYTES)
		return OUTBOUND_HEAD_MORE;
	outbound_answer(c, "431 Request Header Fields Too Large");
	return OUTBOUND_HEAD_BAD;
}

/* Dialling. */

void
outbound_get_order(const struct conn *c, struct dial_order *order)
{
	memset(order, 0, sizeof(*order));
	order->connect_timeout_ms = OUTBOUND_CONNECT_TIMEOUT_MS;
	if (c->via_connect) {
		order->addresses = &c->head->address;
		order->num_addresses = 1;
	} else {
		order->addresses = outbound_conf(c)->peers;
		order->num_addresses = outbound_conf(c)->num_peers;
	}
}

SSL_CTX *
outbound_get0_ctx(const struct conn *c)
{
	const struct conf *conf = c->runtime->conf;

	return c->runtime->clients[c->via_connect ? conf->connect.identity
						  : outbound_conf(c)->identity];
}

void
outbound_note_remote(struct conn *c)
{
	socklen_t len = sizeof(*c->remote);

	c->remote = calloc(1, sizeof(*c->remote));
	if (c->remote != NULL &&
	    getpeername(c->tls_fd, (struct sockaddr *)c->remote, &len) != 0)
		c->remote->ss_family = AF_UNSPEC;
}

static bool
outbound_is_literal(const char *host)
{
	struct in6_addr in6;

	return inet_pton(AF_INET, host, &in6) == 1 ||
	    inet_pton(AF_INET6, host, &in6) == 1;
}

int
outbound_prepare_ssl(struct conn *c)
{
	const char *name =
	    c->via_connect ? c->head->host : outbound_conf(c)->server_name;
	bool verify = c->via_connect || outbound_conf(c)->verify_name;
	X509_VERIFY_PARAM *param = SSL_get0_param(c->ssl);

	if (c->trust == NULL ||
	    !SSL_set1_verify_cert_store(
		c->ssl, revcheck_trust_get0_store(c->trust)))
		return E_INTERNAL;
	/* RFC 6066 3: an address is no server name. */
	if (outbound_is_literal(name)) {
		if (verify && !X509_VERIFY_PARAM_set1_ip_asc(param, name))
			return E_INTERNAL;
		return 0;
	}
	if (!SSL_set_tlsext_host_name(c->ssl, name))
		return E_INTERNAL;
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (verify && !X509_VERIFY_PARAM_set1_host(param, name, 0))
		return E_INTERNAL;
	return 0;
}

int
outbound_begin(struct conn *c)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	struct outbound_head *h = c->head;
	ssize_t n;

	if (!c->via_connect)
		return 0;
	n = send(c->plain_fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL);
	if (n != (ssize_t)sizeof(ok) - 1)
		return E_IO;
	h->answered = true;
	return relay_prepend_down(
	    &c->relay, h->text + h->body, h->len - h->body);
}

bool
outbound_find_again(struct conn *c, const struct runtime *runtime,
    struct revcheck_trust **trust)
{
	const struct conf *conf = runtime->conf;
	const struct conf_link *old;

	if (c->via_connect) {
		*trust = conf->trust;
		return conf->connect.listen.text != NULL;
	}
	old = outbound_conf(c);
	for (size_t i = 0; i < conf->num_links; i++) {
		if (strcmp(conf->links[i].name, old->name) != 0)
			continue;
		c->link = i;
		*trust = conf->links[i].trust;
		return true;
	}
	return false;
}
