/*
 * fuzz_gateway_denylist: an entry as POST /denylist takes it. What is taken
 * names one thing, and read back from what is shown it is the same entry.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "gateway/base/json.h"
#include "gateway/state/denied.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".denied";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_target(const struct denied *e)
{
	const unsigned char *p = e->issuer;
	struct revcheck_deny deny = denied_deny(e);
	X509_NAME *name;

	assert(strlen(e->id) == DENIED_ID_SIZE - 1);
	assert(e->until >= 0 && e->until <= DENIED_MAX_UNTIL);
	assert((deny.spki_sha256 != NULL) != (deny.issuer_der != NULL));
	if (e->is_spki)
		return;
	assert(e->serial_len > 0 && e->serial_len <= DENIED_MAX_SERIAL);
	/* As certificates have it: minimal, and not negative. */
	assert((e->serial[0] & 0x80) == 0);
	assert(e->serial_len == 1 || e->serial[0] != 0 ||
	    (e->serial[1] & 0x80) != 0);
	name = d2i_X509_NAME(NULL, &p, (long)e->issuer_len);
	assert(name != NULL && p == e->issuer + e->issuer_len);
	X509_NAME_free(name);
}

/* What GET shows, without what only it has. */
static void
check_shown(const struct denied *e)
{
	static const char *const own[] = {
	    "id", "issuerName", "addedAt", "addedBy", "user"};
	cJSON *shown = denied_json(e);
	struct denied again = {0};
	struct err err = {0};

	assert(shown != NULL);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		cJSON_DeleteItemFromObject(shown, own[i]);
	assert(denied_parse(&again, shown, "me", &err) == 0);
	assert(strcmp(e->id, again.id) == 0);
	assert(strcmp(e->note, again.note) == 0 && e->until == again.until);
	denied_cleanup(&again);
	cJSON_Delete(shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct denied e = {0};
	struct err err = {0};
	cJSON *o;

	if (json_parse(&o, (const char *)data, size, &err) != 0)
		return 0;
	if (!cJSON_IsObject(o)) {
		cJSON_Delete(o);
		return 0;
	}
	if (denied_parse(&e, o, "me", &err) == 0) {
		check_target(&e);
		check_shown(&e);
	} else {
		assert(err.code != 0 && err.msg[0] != '\0');
	}
	denied_cleanup(&e);
	cJSON_Delete(o);
	assert(ERR_peek_error() == 0);
	return 0;
}
