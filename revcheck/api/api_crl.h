/* api_crl: look-ups in a CRL for who has its bytes already. Any thread. */
#ifndef REVCHECK_API_API_CRL_H
#define REVCHECK_API_API_CRL_H

#include "cache/crl/crl.h"
#include "revcheck/revcheck.h"

/* See revcheck_crl_find. */
int api_crl_find(
    const struct crl *crl, const char *serial, struct revcheck_crl_entry *out);

#endif
