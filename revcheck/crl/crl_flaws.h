/*
 * crl_flaws: what a flaw of form in a CRL is called, and what forgives it. An
 * authentic listing counts whatever the flaw; silence counts where there is
 * none that is not forgiven.
 */
#ifndef REVCHECK_CRL_CRL_FLAWS_H
#define REVCHECK_CRL_CRL_FLAWS_H

#include "cache/crl/crl.h"
#include "revcheck/x509/validity.h"

struct crl_flaw_rule {
	unsigned flaw; /* enum crl_flaw */
	const char *text;
	unsigned relax;   /* enum revcheck_relax: forgives it; 0: nothing */
	const char *word; /* relax as the command has it, or NULL */
	bool usual;       /* forgiven unless `relax` is set: a strict switch */
};

/*
 * crl_flaws_next lends the rules for the flaws that are set, one by one: start
 * with *at = 0; NULL at the end. Bits that are no flaw have no rule.
 */
const struct crl_flaw_rule *crl_flaws_next(unsigned flaws, size_t *at);

/* The first that `relax` does not forgive, or NULL. */
const struct crl_flaw_rule *crl_flaws_telling(unsigned flaws, unsigned relax);

#endif
