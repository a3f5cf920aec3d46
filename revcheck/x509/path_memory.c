/*
 * path_memory: see the header. Dates are checked at each recall; whatever else
 * makes a path valid is immutable, or compared.
 */
#include "revcheck/x509/path_memory.h"

#include <stdatomic.h>
#include <stdlib.h>

struct path_memory {
	struct revcheck_trust *trust; /* a reference; compared by pointer */
	int security_level, purpose;
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

/* As strict as X509_verify_cert, which runs where this is false. */
static bool
in_date(const struct path_memory *m, time_t at)
{
	for (size_t i = 0; i < m->num; i++)
		if (X509_cmp_time(X509_get0_notBefore(m->certs[i]), &at) >= 0 ||
		    X509_cmp_time(X509_get0_notAfter(m->certs[i]), &at) <= 0)
			return false;
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
	    m->purpose != order->purpose || !in_date(m, order->at))
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
	if (!atomic_compare_exchange_strong(
		(_Atomic(struct path_memory *) *)&certs->path, &none, m))
		path_memory_free(m);
}
