/* trust: an immutable set of anchors. The paths to them are in trust_path. */
#ifndef REVCHECK_X509_TRUST_H
#define REVCHECK_X509_TRUST_H

#include "revcheck/revcheck.h"

/* SHA-256 over the sorted SHA-256s of the anchors: names the trust in keys. */
const unsigned char *trust_get0_id(const struct revcheck_trust *t);

#endif
