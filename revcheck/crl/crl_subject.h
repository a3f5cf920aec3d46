/*
 * crl_subject: a certificate as the CRL rules see it, from the inside. For
 * revcheck/crl; the calls for others are in crl.h.
 */
#ifndef REVCHECK_CRL_CRL_SUBJECT_H
#define REVCHECK_CRL_CRL_SUBJECT_H

#include "revcheck/crl/distribution_point.h"
#include "revcheck/crl/crl.h"

struct crl_subject {
	X509 *cert; /* a reference */
	uint8_t *issuer_der, *serial_der, *points_der,
	    *freshest_der;  /* owned */
	struct span issuer; /* Name as written in the certificate */
	uint64_t issuer_hash;
	struct span serial; /* INTEGER content, trimmed */
	bool is_ca;         /* basicConstraints with cA TRUE */
	bool is_v3;
	struct distribution_points points;
	struct distribution_points freshest;
	const char **delta_urls;
};

#endif
