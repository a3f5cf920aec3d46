/*
 * admission: see the header. Path building is the library's, so that whoever
 * verifies goes by the same rules; only one line here lets anybody in.
 */
#include "gateway/tls/admission.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "gateway/base/dn.h"
#include "gateway/base/name_set.h"
#include "gateway/conf/conf.h"
#include "gateway/tls/allow.h"
#include "gateway/tls/path_cache.h"

/* Certificates of a path; OpenSSL builds no longer one. */
#define ADMISSION_MAX_CERTS 102

/* revcheck_path_query.purpose */
enum {
	PURPOSE_TLS_CLIENT = 1,
	PURPOSE_TLS_SERVER = 2
};

static bool
deny(struct admission *a, enum admission_why why, int x509_error,
    const char *error)
{
	a->why = why;
	a->x509_error = x509_error != X509_V_OK
	    ? x509_error
	    : X509_V_ERR_APPLICATION_VERIFICATION;
	if (error[0] != '\0')
		snprintf(a->error, sizeof(a->error), "%s", error);
	return false;
}

/* The end of every way in. */
static void
conclude(struct admission *a, bool allowed)
{
	if (!allowed)
		return;
	a->x509_error = X509_V_OK;
	a->why = ADMISSION_ALLOWED;
}

/* The path. */

static void
count(const struct admission_terms *t, enum counter which)
{
	if (t->counters != NULL)
		counters_inc(t->counters, which);
}

static bool
dates_hold(const struct revcheck_certs *path, time_t at)
{
	for (size_t i = 0; i < revcheck_certs_num(path); i++) {
		X509 *cert = revcheck_certs_get0(path, i);

		if (X509_cmp_time(X509_get0_notBefore(cert), &at) >= 0 ||
		    X509_cmp_time(X509_get0_notAfter(cert), &at) <= 0)
			return false;
	}
	return true;
}

/* NULL: out of memory. */
static struct revcheck_certs *
certs_of(const STACK_OF(X509) * list)
{
	struct revcheck_certs *certs = NULL;
	X509 *v[ADMISSION_MAX_CERTS];
	int num = sk_X509_num(list);

	if (num < 1 || num > ADMISSION_MAX_CERTS)
		return NULL;
	for (int i = 0; i < num; i++)
		v[i] = sk_X509_value(list, i);
	if (revcheck_certs_from_x509(&certs, v, (size_t)num, NULL) != 0)
		return NULL;
	return certs;
}

/* Verifies anew; the path, the caller's, or NULL and the denial. */
static struct revcheck_certs *
verify(struct admission *a, const struct admission_terms *t,
    const struct revcheck_certs *chain, time_t at)
{
	const struct revcheck_path_query query = {
	    .size = sizeof(query),
	    .chain = chain,
	    .at = at,
	    .purpose = t->inbound ? PURPOSE_TLS_CLIENT : PURPOSE_TLS_SERVER,
	    .security_level = t->conf->policy.security_level,
	};
	struct revcheck_certs *path = NULL;
	struct revcheck_error err = {0};
	int x509_error = X509_V_ERR_UNSPECIFIED, rc;

	rc = revcheck_trust_verify(t->trust, &path, &query, &x509_error, &err);
	if (rc == 1)
		return path;
	deny(
	    a, rc == 0 ? ADMISSION_PATH : ADMISSION_ERROR, x509_error, err.msg);
	return NULL;
}

/* The path remembered for what was sent, if its dates hold; the caller's. */
static struct revcheck_certs *
recall(const struct admission_terms *t, const struct path_cache_key *key,
    X509 *leaf, time_t at)
{
	STACK_OF(X509) *known = path_cache_find(t->paths, key, leaf);
	struct revcheck_certs *path = NULL;

	if (known == NULL)
		return NULL;
	path = certs_of(known);
	sk_X509_pop_free(known, X509_free);
	if (path != NULL && dates_hold(path, at))
		return path;
	revcheck_certs_free(path);
	return NULL;
}

/*
 * Remembers it, and goes on with the one that shares its issuers with other
 * peers. Takes path over.
 */
static struct revcheck_certs *
remember(const struct admission_terms *t, const struct path_cache_key *key,
    struct revcheck_certs *path)
{
	STACK_OF(X509) *list = sk_X509_new_null(), *shared = NULL;
	struct revcheck_certs *out = NULL;
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < revcheck_certs_num(path); i++)
		ok = sk_X509_push(list, revcheck_certs_get0(path, i)) > 0;
	if (ok)
		shared = path_cache_add(t->paths, key, list);
	if (shared != NULL)
		out = certs_of(shared);
	sk_X509_pop_free(shared, X509_free);
	sk_X509_free(list);
	if (out == NULL)
		return path;
	revcheck_certs_free(path);
	return out;
}

/* Of a handshake. */
static bool
find_path(struct admission *a, const struct admission_terms *t,
    const STACK_OF(X509) * sent, time_t at)
{
	int num = sk_X509_num(sent), max = (int)t->conf->limits.max_chain;
	struct revcheck_certs *chain;
	struct path_cache_key key;
	bool memory;

	if (max > ADMISSION_MAX_CERTS)
		max = ADMISSION_MAX_CERTS;
	if (num > max) {
		char error[80];

		snprintf(error, sizeof(error),
		    "%d certificates sent, at most %d are allowed", num, max);
		return deny(
		    a, ADMISSION_PATH, X509_V_ERR_CERT_CHAIN_TOO_LONG, error);
	}
	memory = t->paths != NULL && path_cache_key_of(&key, sent) == 0;
	if (memory)
		a->found = recall(t, &key, sk_X509_value(sent, 0), at);
	count(t, a->found != NULL ? COUNTER_PATH_HITS : COUNTER_PATH_MISSES);
	if (a->found == NULL) {
		chain = certs_of(sent);
		if (chain == NULL)
			return deny(a, ADMISSION_ERROR, X509_V_ERR_OUT_OF_MEM,
			    "out of memory");
		a->found = verify(a, t, chain, at);
		revcheck_certs_free(chain);
		if (a->found != NULL && memory)
			a->found = remember(t, &key, a->found);
	}
	a->path = a->found;
	return a->found != NULL;
}

/* Of a live connection: as good as it was but for the dates. */
static bool
hold_path(struct admission *a, const struct admission_terms *t,
    const struct admission_peer *peer, time_t at)
{
	if (peer->verified && dates_hold(peer->certs, at)) {
		a->path = peer->certs;
		return true;
	}
	a->path = a->found = verify(a, t, peer->certs, at);
	return a->found != NULL;
}

/* Who it is. */

/* RFC 6125, as TLS clients do; RFC 6066 3: an address is no name. */
static bool
name_holds(struct admission *a, const struct admission_terms *t, X509 *leaf)
{
	unsigned char ip[16];

	if (t->name == NULL)
		return true;
	if (inet_pton(AF_INET, t->name, ip) == 1 ||
	    inet_pton(AF_INET6, t->name, ip) == 1)
		return X509_check_ip_asc(leaf, t->name, 0) == 1 ||
		    deny(a, ADMISSION_PATH, X509_V_ERR_IP_ADDRESS_MISMATCH,
			X509_verify_cert_error_string(
			    X509_V_ERR_IP_ADDRESS_MISMATCH));
	return X509_check_host(leaf, t->name, 0,
		   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1 ||
	    deny(a, ADMISSION_PATH, X509_V_ERR_HOSTNAME_MISMATCH,
		X509_verify_cert_error_string(X509_V_ERR_HOSTNAME_MISMATCH));
}

static bool
subject_allowed(
    struct admission *a, const struct admission_terms *t, X509 *leaf)
{
	const struct conf_tls *tls = &t->conf->tls;
	char text[DN_MAX];

	if (!t->inbound || !tls->allowed_subjects_enforced)
		return true;
	if (dn_text(text, leaf) && name_set_has(tls->allowed_subjects, text))
		return true;
	return deny(a, ADMISSION_SUBJECT, X509_V_ERR_CERT_REJECTED,
	    "subject is not on the list of allowed subjects");
}

/* By the rules; of a path of a request only that there is one for it. */
static bool
rules_allow(struct admission *a, const struct admission_terms *t, X509 *leaf)
{
	const struct allow_place place = {.listen = t->listen, .http = t->http};

	return !t->inbound || allow_holds(t->conf, leaf, &place) ||
	    deny(a, ADMISSION_NOT_ALLOWED, X509_V_ERR_CERT_REJECTED,
		"not-allowed: no rule of allow lets it in");
}

/* The decision. */

bool
admission_check(struct admission *a, const struct admission_terms *t,
    const struct admission_peer *peer)
{
	time_t at = peer->at != 0 ? peer->at : time(NULL);
	X509 *leaf;

	*a = (struct admission){
	    .x509_error = X509_V_ERR_APPLICATION_VERIFICATION};
	if (sk_X509_num(peer->sent) < 1 && peer->certs == NULL) {
		deny(a, ADMISSION_NO_CERTIFICATE, X509_V_ERR_CERT_REJECTED,
		    "a client certificate is asked for");
		conclude(a,
		    t->inbound && t->conf->tls.type == CONF_TLS_ONE_WAY &&
			rules_allow(a, t, NULL));
		return false;
	}
	if (t->trust == NULL)
		return deny(a, ADMISSION_PATH, X509_V_ERR_CERT_UNTRUSTED,
		    "there is no anchor its path could end in");
	if (peer->certs != NULL ? !hold_path(a, t, peer, at)
				: !find_path(a, t, peer->sent, at))
		return false;
	leaf = revcheck_certs_get0(a->path, 0);
	return name_holds(a, t, leaf) && subject_allowed(a, t, leaf) &&
	    rules_allow(a, t, leaf);
}

void
admission_hear(struct admission *a, struct revcheck_report *report)
{
	enum admission_why why = ADMISSION_UNKNOWN;

	if (a->why != ADMISSION_UNDECIDED || a->path == NULL)
		return;
	if (revcheck_report_status(report) == REVCHECK_REVOKED)
		why = ADMISSION_REVOKED;
	else if (revcheck_report_status(report) == REVCHECK_PATH_INVALID)
		why = ADMISSION_PATH;
	deny(a, why, revcheck_report_x509_error(report), "");
	conclude(a, revcheck_report_allows(report) == 1);
}

void
admission_fail(struct admission *a, int x509_error, const char *error)
{
	deny(a, ADMISSION_ERROR, x509_error, error);
}

bool
admission_same_path(
    const struct admission_terms *a, const struct admission_terms *b)
{
	return a->trust == b->trust && a->inbound == b->inbound &&
	    a->conf->policy.security_level == b->conf->policy.security_level;
}

struct decision_finding
admission_finding(enum admission_why why, const struct revcheck_report *report,
    enum revcheck_mode in_force)
{
	struct decision_finding f = {
	    .mode = in_force, .status = REVCHECK_NOT_ASKED};

	if (report != NULL)
		return (struct decision_finding){
		    .mode = revcheck_report_mode(report),
		    .status = revcheck_report_status(report),
		    .why = revcheck_report_why(report)};
	switch (why) {
	case ADMISSION_ALLOWED: /* by ONE_WAY, or there were a report */
	case ADMISSION_NO_CERTIFICATE:
		f.status = DECISION_NO_CERTIFICATE;
		break;
	case ADMISSION_PATH:
		f.status = REVCHECK_PATH_INVALID;
		f.why = REVCHECK_WHY_PATH;
		break;
	case ADMISSION_SUBJECT:
		f.status = DECISION_SUBJECT_REFUSED;
		break;
	case ADMISSION_NOT_ALLOWED:
		f.status = DECISION_NOT_ALLOWED;
		break;
	case ADMISSION_ERROR:
	case ADMISSION_REVOKED:
	case ADMISSION_UNKNOWN:
		f.status = REVCHECK_UNKNOWN;
		f.why = REVCHECK_WHY_INTERNAL;
		break;
	case ADMISSION_UNDECIDED: /* it did not come so far */
		break;
	}
	return f;
}

enum counter
admission_counter(const struct admission *a)
{
	switch (a->why) {
	case ADMISSION_NO_CERTIFICATE:
	case ADMISSION_PATH:
		return COUNTER_REFUSED_PATH;
	case ADMISSION_SUBJECT:
		return COUNTER_REFUSED_SUBJECT;
	case ADMISSION_NOT_ALLOWED:
		return COUNTER_REFUSED_NOT_ALLOWED;
	case ADMISSION_REVOKED:
		return COUNTER_REFUSED_REVOKED;
	case ADMISSION_UNKNOWN:
		return COUNTER_REFUSED_UNKNOWN;
	case ADMISSION_UNDECIDED:
	case ADMISSION_ERROR:
	case ADMISSION_ALLOWED:
		break;
	}
	return COUNTER_REFUSED_ERROR;
}

void
admission_cleanup(struct admission *a)
{
	revcheck_certs_free(a->found);
	a->found = NULL;
	a->path = NULL;
}
