/* conf_warn: see the header. */
#include "gateway/conf/conf_warn.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "gateway/base/dn.h"
#include "gateway/conf/conf_internal.h"

#define MAX_LINES 20

struct warner {
	conf_warn_fn *fn;
	void *arg;
	size_t num;
};

static void warn(struct warner *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
warn(struct warner *w, const char *fmt, ...)
{
	char line[240];
	va_list ap;

	if (w->num++ >= MAX_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	w->fn(w->arg, line);
}

/* Certificates of our own. */

static void
warn_chain(struct warner *w, const char *what, const char *name, X509 **chain,
    size_t num, time_t now)
{
	for (size_t i = 0; i < num; i++)
		if (X509_cmp_time(X509_get0_notAfter(chain[i]), &now) < 0)
			warn(w, "%s '%.64s': certificate %zu has expired", what,
			    name, i);
}

/* Names that are there twice. */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts names. */
static void
warn_twice(struct warner *w, const char *what, const char **names, size_t num)
{
	qsort(names, num, sizeof(*names), by_text);
	for (size_t i = 1; i < num; i++)
		if (strcmp(names[i - 1], names[i]) == 0 &&
		    (i == 1 || strcmp(names[i - 2], names[i]) != 0))
			warn(w, "%s '%.64s' is there twice: the first counts",
			    what, names[i]);
}

static void
warn_names(struct warner *w, const struct conf *c)
{
	size_t num = 0, most = c->num_identities;
	const char **names;

	for (size_t i = 0; i < c->num_identities; i++)
		most += c->identities[i].num_server_names;
	names = calloc(most + 1, sizeof(*names));
	if (names == NULL)
		return;
	for (size_t i = 0; i < c->num_identities; i++)
		names[num++] = c->identities[i].name;
	warn_twice(w, "the name of an identity,", names, num);
	num = 0;
	for (size_t i = 0; i < c->num_identities; i++)
		for (size_t k = 0; k < c->identities[i].num_server_names; k++)
			names[num++] = c->identities[i].server_names[k];
	warn_twice(w, "server name", names, num);
	free(names);
}

/* Anchors. */

/*
 * A path ends in the first anchor it meets, and that one is not asked about:
 * beside its issuer it would be, were it given as an intermediate.
 */
static void
warn_anchors(struct warner *w, const struct conf *c)
{
	STACK_OF(X509_OBJECT) *all = c->trust == NULL
	    ? NULL
	    : X509_STORE_get0_objects(revcheck_trust_get0_store(c->trust));
	char name[DN_MAX], by[DN_MAX];

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
		const X509_NAME *issuer = X509_get_issuer_name(x);
		X509_OBJECT *o;

		if (X509_NAME_cmp(X509_get_subject_name(x), issuer) == 0)
			continue;
		o = X509_OBJECT_retrieve_by_subject(all, X509_LU_X509, issuer);
		if (o == NULL ||
		    X509_check_issued(X509_OBJECT_get0_X509(o), x) != X509_V_OK)
			continue;
		if (!dn_text(name, x) || !dn_text(by, X509_OBJECT_get0_X509(o)))
			continue;
		warn(w,
		    "anchor '%.64s' was issued by anchor '%.64s' and is not "
		    "asked about: is it meant for trust[].intermediates?",
		    name, by);
	}
}

/* The gateway as its own node. */

/* 1: the address of this machine alone, 2: every address of it. */
static int
reach_of(const struct address *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->sa;

	if (a->sa_len == 0)
		return a->host != NULL && strcmp(a->host, "localhost") == 0;
	if (a->sa.ss_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)
		    ? 2
		    : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	if (a->sa.ss_family != AF_INET)
		return 0;
	return v4->sin_addr.s_addr == htonl(INADDR_ANY)
	    ? 2
	    : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

/* Whether who connects to `to` reaches who listens on `at`. */
static bool
reaches(const struct address *to, const struct address *at)
{
	if (at->text == NULL)
		return false;
	if (to->path != NULL || at->path != NULL)
		return to->path != NULL && at->path != NULL &&
		    strcmp(to->path, at->path) == 0;
	if (to->port != at->port || at->port == 0)
		return false;
	if (to->sa_len != 0 && address_is(at, &to->sa))
		return true;
	return reach_of(to) != 0 &&
	    (reach_of(at) == 2 || (to->sa_len == 0 && reach_of(at) == 1));
}

static void
warn_node(struct warner *w, const struct conf *c)
{
	const struct address *at;
	char path[64];

	for (size_t i = 0; i < c->node.num_addresses; i++)
		for (size_t k = 0;
		     conf_nth_listen(c, k, &at, path, sizeof(path)); k++)
			if (reaches(&c->node.addresses[i], at))
				warn(w,
				    "node address '%.64s' is %s: the gateway "
				    "is its own node",
				    c->node.addresses[i].text, path);
}

void
conf_warn(const struct conf *c, time_t now, conf_warn_fn *fn, void *arg)
{
	struct warner w = {.fn = fn, .arg = arg};
	char line[64];

	for (size_t i = 0; i < c->num_identities; i++)
		warn_chain(&w, "identity", c->identities[i].name,
		    c->identities[i].chain, c->identities[i].num_chain, now);
	if (c->rest.chain != NULL)
		warn_chain(&w, "rest", c->rest.certificate_file, c->rest.chain,
		    c->rest.num_chain, now);
	warn_names(&w, c);
	warn_anchors(&w, c);
	warn_node(&w, c);
	if (w.num <= MAX_LINES)
		return;
	snprintf(
	    line, sizeof(line), "and %zu more of these", w.num - MAX_LINES);
	fn(arg, line);
}

static void
to_log(void *arg, const char *line)
{
	log_event(arg, LOG_LEVEL_WARN, "configuration-warning", NULL, 0,
	    "the configuration: %s", line);
}

void
conf_warn_log(const struct conf *c, time_t now, const struct log *log)
{
	conf_warn(c, now, to_log, (void *)(uintptr_t)log);
}
