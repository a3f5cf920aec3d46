/*
 * path_memory: see the header. Dates are read once and checked at each recall;
 * whatever else makes a path valid is immutable, or compared.
 */
#include "revcheck/x509/path_memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct path_memory {
	struct revcheck_trust *trust; /* a reference; compared by pointer */
	int security_level, purpose;
	time_t from, until; /* all of them are in date: from <= t < until */
	size_t num;
	X509 *certs[];
};

void
path_memory_free(struct path_memory *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->num; i++)
		X509_free(m->certs[i]);
	revcheck_trust_free(m->trust);
	free(m);
}

/* False where X509_verify_cert could not read it. */
static bool
time_of(time_t *out, const ASN1_TIME *t)
{
	time_t any = 0;
	struct tm tm;

	if (X509_cmp_time(t, &any) == 0 || ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

/* When all of them are in date, as strictly as X509_verify_cert has it. */
static bool
dates_of(struct path_memory *m)
{
	time_t from, until;

	for (size_t i = 0; i < m->num; i++) {
		if (!time_of(&from, X509_get0_notBefore(m->certs[i])) ||
		    !time_of(&until, X509_get0_notAfter(m->certs[i])))
			return false;
		if (i == 0 || from > m->from)
			m->from = from;
		if (i == 0 || until < m->until)
			m->until = until;
	}
	return true;
}

bool
path_memory_recall(const struct revcheck_certs *certs, struct trust_path *out,
    const struct revcheck_trust *trust, const struct trust_path_order *order)
{
	const struct path_memory *m =
	    atomic_load((_Atomic(struct path_memory *) *)&certs->path);

	if (m == NULL || m->trust != trust ||
	    m->security_level != order->security_level ||
	    m->purpose != order->purpose || order->at < m->from ||
	    order->at >= m->until)
		return false;
	out->certs = calloc(m->num, sizeof(X509 *));
	if (out->certs == NULL)
		return false;
	out->num = m->num;
	for (size_t i = 0; i < m->num; i++) {
		X509_up_ref(m->certs[i]);
		out->certs[i] = m->certs[i];
	}
	return true;
}

void
path_memory_keep(const struct revcheck_certs *certs,
    const struct trust_path *path, struct revcheck_trust *trust,
    const struct trust_path_order *order)
{
	struct path_memory *none = NULL,
			   *m = calloc(
			       1, sizeof(*m) + path->num * sizeof(m->certs[0]));

	if (m == NULL)
		return;
	m->trust = revcheck_trust_up_ref(trust);
	m->security_level = order->security_level;
	m->purpose = order->purpose;
	m->num = path->num;
	for (size_t i = 0; i < path->num; i++) {
		X509_up_ref(path->certs[i]);
		m->certs[i] = path->certs[i];
	}
	if (!dates_of(m) ||
	    !atomic_compare_exchange_strong(
		(_Atomic(struct path_memory *) *)&certs->path, &none, m))
		path_memory_free(m);
}
