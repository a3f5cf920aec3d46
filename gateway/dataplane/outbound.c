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
#include <sys/socket.h>

#include "cache/base/text.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/tls/admission.h"
#include "gateway/dataplane/worker.h"

#define OUTBOUND_HEAD_BYTES         8192
#define OUTBOUND_CONNECT_TIMEOUT_MS 5000

struct outbound_head {
	char text[OUTBOUND_HEAD_BYTES + 1];
	size_t len;
	size_t body; /* where bytes after the head begin */
	bool answered;
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
	c->target = calloc(1, sizeof(*c->target));
	return c->head == NULL || c->target == NULL ? E_NOMEM : 0;
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

bool
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
outbound_target_allowed(const struct conf *conf, const char *target)
{
	for (size_t i = 0; i < conf->connect.num_allow; i++)
		if (outbound_pattern_matches(conf->connect.allow[i], target))
			return true;
	return false;
}

unsigned
outbound_parse_connect(
    struct outbound_target *t, struct address *address, const char *head)
{
	struct err err;
	const char *space;
	size_t len;

	memset(address, 0, sizeof(*address));
	if (strncmp(head, "CONNECT ", 8) != 0)
		return 405;
	space = strchr(head + 8, ' ');
	len = space == NULL ? 0 : (size_t)(space - head) - 8;
	if (len == 0 || len >= sizeof(t->text) ||
	    strncmp(space, " HTTP/1.", 8) != 0)
		return 400;
	memcpy(t->text, head + 8, len);
	t->text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)t->text[i]) || t->text[i] == '/' ||
		    t->text[i] == '@')
			return 400;
	if (strncasecmp(t->text, "unix:", 5) == 0 ||
	    address_parse(address, t->text, false, &err) != 0)
		return 400;
	text_copy(t->host, sizeof(t->host), address->host);
	return 0;
}

static enum outbound_head_result
outbound_parse_head(struct conn *c)
{
	struct outbound_head *h = c->head;
	struct outbound_target *t = c->target;
	unsigned status = outbound_parse_connect(t, &h->address, h->text);

	if (status != 0) {
		outbound_answer(c,
		    status == 405 ? "405 Method Not Allowed"
				  : "400 Bad Request");
		return OUTBOUND_HEAD_BAD;
	}
	if (!outbound_target_allowed(c->runtime->conf, t->text)) {
		log_line(c->worker->log, LOG_LEVEL_WARN,
		    "refused outbound CONNECT to '%s': not on the list of "
		    "allowed targets",
		    t->text);
		outbound_answer(c, "403 Forbidden");
		return OUTBOUND_HEAD_BAD;
	}
	return OUTBOUND_HEAD_OK;
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
	    c->via_connect ? c->target->host : outbound_conf(c)->server_name;

	/* RFC 6066 3: an address is no server name. */
	if (!outbound_is_literal(name) &&
	    !SSL_set_tlsext_host_name(c->ssl, name))
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
outbound_get_terms(const struct conn *c, const struct runtime *runtime,
    size_t *link, struct admission_terms *terms)
{
	const struct conf *conf = runtime->conf;
	const struct conf_link *to;

	if (c->via_connect) {
		terms->trust = runtime->trust;
		terms->name = c->target->host;
		return conf->connect.listen.text != NULL &&
		    outbound_target_allowed(conf, c->target->text);
	}
	for (size_t i = 0; i < conf->num_links; i++) {
		to = &conf->links[i];
		if (strcmp(to->name, outbound_conf(c)->name) != 0)
			continue;
		terms->trust = to->trust;
		terms->name = to->verify_name ? to->server_name : NULL;
		*link = i;
		return true;
	}
	return false;
}
