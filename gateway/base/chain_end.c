/* chain_end: see the header. Pure, any thread. */
#include "gateway/base/chain_end.h"

time_t
chain_ends_at(const struct revcheck_certs *path)
{
	time_t first = 0;

	for (size_t i = 0; path != NULL && i < revcheck_certs_num(path); i++) {
		X509 *cert = revcheck_certs_get0(path, i);
		time_t at = 1; /* unreadable: over */
		struct tm tm;

		if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
			at = timegm(&tm);
		if (at < 1)
			at = 1;
		if (first == 0 || at < first)
			first = at;
	}
	return first;
}
