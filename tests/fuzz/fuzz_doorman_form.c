/*
 * Both dialects of a revocation request. The first byte chooses; what is
 * taken must be complete and in canonical form.
 */
#include <stdlib.h>

#include "fixtures/doorman/base/reason.h"
#include "fixtures/doorman/service/requests/form.h"

/* The seeds are written by tests/doorman/seeds.c. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".doorman-form";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char again[NAME_TEXT_MAX];
	struct form form;
	struct fault f;
	int rc;

	if (size == 0)
		return 0;
	rc = data[0] & 1
	    ? form_from_amqp(&form, view_of(data + 1, size - 1), &f)
	    : form_from_json(&form, view_of(data + 1, size - 1), &f);
	if (rc != 0)
		return 0;
	if (form_complete(&form, &f) != 0 ||
	    reason_by_name(reason_name(form.reason)) != form.reason)
		abort();
	/* A canonical name is its own canonical form. */
	if (form.legal_name[0] != '\0' &&
	    (name_canonical(again, form.legal_name, &f) != 0 ||
		strcmp(again, form.legal_name) != 0))
		abort();
	return 0;
}
