/*
 * distribution_point: distribution points as certificates (RFC 5280 4.2.1.13)
 * and CRLs (5.2.5) name them. Spans borrow from the DER that was parsed.
 */
#ifndef REVCHECK_CRL_DISTRIBUTION_POINT_H
#define REVCHECK_CRL_DISTRIBUTION_POINT_H

#include "cache/base/error.h"
#include "cache/base/span.h"
#include "revcheck/x509/name.h"

/* Names in one list; more is malformed, not "the first so many". */
#define CRL_NAMES_MAX  256
#define CRL_POINTS_MAX 64

/* ReasonFlags as a mask, bit n for reason n of the BIT STRING; 0 is unused. */
#define CRL_REASONS_ALL  0x1feu
#define CRL_REASONS_HOLD (1u << 6)

struct crl_names {
	struct general_name *v; /* owned */
	size_t num;
};

/* GeneralNames: content of the SEQUENCE. E_PARSE when empty or malformed. */
int crl_names_parse(
    struct crl_names *out, struct span content, struct err *err) MUST_USE;
void crl_names_cleanup(struct crl_names *n);
/* Whether any name of a equals any name of b. */
bool crl_names_meet(const struct crl_names *a, const struct crl_names *b);
/* Whether one of them is this directoryName. */
bool crl_names_have(const struct crl_names *n, struct span name);

/*
 * A DistributionPointName. A nameRelativeToCRLIssuer is made a full name with
 * `issuer`; if issuer is empty it matches nothing.
 */
struct crl_dp_name {
	bool present;
	struct crl_names names;
	uint8_t *expanded; /* owned: the Name made from a relative one */
};

/* content: of the [0] around the DistributionPointName. */
int crl_dp_name_parse(struct crl_dp_name *out, struct span content,
    struct span issuer, struct err *err) MUST_USE;
void crl_dp_name_cleanup(struct crl_dp_name *n);

/* ReasonFlags from the content of the BIT STRING; E_PARSE. */
int
crl_reasons_parse(unsigned *out, struct span bits, struct err *err) MUST_USE;

struct distribution_point {
	struct crl_dp_name name;
	unsigned reasons; /* all where none are given */
	bool has_issuer;
	struct crl_names issuers; /* cRLIssuer */
	const char **urls;        /* NULL-terminated, owned with its strings */
};

struct distribution_points {
	struct distribution_point *v;
	size_t num;
	bool odd; /* some are malformed, and left out */
};

/*
 * CRLDistributionPoints or FreshestCRL: the value of the extension. issuer:
 * the Name that relative names add to where no cRLIssuer is given. E_PARSE:
 * none of them can be read, or there are more than CRL_POINTS_MAX.
 */
int distribution_points_parse(struct distribution_points *out,
    struct span value, struct span issuer, struct err *err) MUST_USE;
void distribution_points_cleanup(struct distribution_points *p);

/* All URLs of all points in one NULL-terminated list that borrows the strings;
 * NULL when out of memory. */
const char **distribution_points_urls(const struct distribution_points *p);

#endif
