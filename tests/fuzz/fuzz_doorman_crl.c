/*
 * Lists as the service and the signer read them. Whatever is taken is walked,
 * indexed and searched; every entry must be found again.
 */
#include <stdlib.h>

#include "fixtures/doorman/base/crl.h"

/* The seeds are written by tests/doorman/seeds.c. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".doorman-crl";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crl_index ix;
	struct crl_entry e, found;
	struct crl crl;
	struct fault f;
	struct der d;
	size_t num = 0;

	/* What crl_parse takes, this takes as well. */
	if (crl_parse_foreign(&crl, view_of(data, size), &f) != 0)
		return 0;
	if (crl_index_init(&ix, &crl, &f) != 0)
		return 0;
	for (d = crl_entries(&crl); crl_entry_next(&d, &e); num++)
		if (!crl_index_find(&ix, e.serial, &found))
			abort();
	if (num != crl.num_entries)
		abort();
	crl_index_cleanup(&ix);
	return 0;
}
