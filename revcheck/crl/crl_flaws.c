/*
 * crl_flaws: see the header. What is forgiven always has no rule: a fraction of
 * a second and an empty Extensions hide nothing and say nothing. Pure.
 */
#include "revcheck/crl/crl_flaws.h"

static const struct crl_flaw_rule rules[] = {
    {CRL_FLAW_V1_EXTENSIONS, "extensions in a version 1 CRL",
	REVCHECK_RELAX_CRL_VERSION, "crl-version", false},
    {CRL_FLAW_VERSION, "a version that is not 2", REVCHECK_RELAX_CRL_VERSION,
	"crl-version", false},
    {CRL_FLAW_EMPTY_REVOKED, "revokedCertificates present but empty",
	REVCHECK_STRICT_EMPTY_REVOKED, "strict-empty-revoked", true},
    {CRL_FLAW_SERIAL_PADDING, "a serial number with redundant octets",
	REVCHECK_RELAX_SERIAL_PADDING, "serial-padding", false},
    {CRL_FLAW_IDP, "a malformed issuingDistributionPoint", 0, NULL, false},
    {CRL_FLAW_IDP_EMPTY, "an issuingDistributionPoint without content",
	REVCHECK_RELAX_EMPTY_IDP, "empty-idp", false},
    {CRL_FLAW_DIRECT_ISSUER, "certificateIssuer in a CRL that is not indirect",
	0, NULL, false},
    {CRL_FLAW_ENTRY_ISSUER, "a malformed certificateIssuer", 0, NULL, false},
    {CRL_FLAW_EXTENSION_TWICE, "the same extension twice", 0, NULL, false},
    {CRL_FLAW_EXTENSION, "an extension that cannot be read, or too many", 0,
	NULL, false},
    {CRL_FLAW_DATE, "a thisUpdate or nextUpdate that cannot be read", 0, NULL,
	false},
    {CRL_FLAW_REST, "octets in it that do not belong there", 0, NULL, false},
    {CRL_FLAW_ALGORITHM, "signature algorithms inside and outside differ", 0,
	NULL, false},
    {CRL_FLAW_ALGORITHM_NULL,
	"signature algorithms inside and outside differ by a NULL", 0, NULL,
	false},
    {CRL_FLAW_NUMBER,
	"a CRLNumber or BaseCRLNumber that is no number from 0 up in 20 octets",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_NUMBER_CRITICAL, "its CRLNumber is critical",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_KEY_ID, "a malformed authorityKeyIdentifier",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_KEY_OTHER,
	"an authorityKeyIdentifier that names another key than signed it",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_FRESHEST, "a malformed freshestCRL",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_ENTRY_VALUE,
	"a malformed reasonCode, invalidityDate or holdInstructionCode",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_DEFAULT_WRITTEN, "an extension that says critical FALSE",
	REVCHECK_RELAX_CRL_EXTENSIONS, "crl-extensions", false},
    {CRL_FLAW_LOOSE_DATE, "a date with an offset or without seconds",
	REVCHECK_RELAX_CRL_DATES, "crl-dates", false},
    {CRL_FLAW_ENTRY_DATE, "a revocationDate that cannot be read",
	REVCHECK_RELAX_CRL_DATES, "crl-dates", false},
    {CRL_FLAW_TRAILING, "octets behind it", REVCHECK_RELAX_TRAILING, "trailing",
	false},
};

const struct crl_flaw_rule *
crl_flaws_next(unsigned flaws, size_t *at)
{
	while (*at < sizeof(rules) / sizeof(rules[0])) {
		const struct crl_flaw_rule *r = &rules[(*at)++];

		if ((flaws & r->flaw) != 0)
			return r;
	}
	return NULL;
}

const struct crl_flaw_rule *
crl_flaws_telling(unsigned flaws, unsigned relax)
{
	const struct crl_flaw_rule *r;
	size_t at = 0;

	while ((r = crl_flaws_next(flaws, &at)) != NULL)
		if (((relax & r->relax) != 0) == r->usual)
			break;
	return r;
}
