/*
 * What an engine answers, or whoever is in its place. The first byte says what
 * was asked, the second with which status it came; the rest is a line. Whatever
 * it is, it says something, every record is one of ours, and nothing is DONE
 * that has a trouble.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/fleet/etcd_json.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".etcd";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIX "/p2p-gateway/eu/"

static void
check_records(const struct etcd_said *s, enum etcd_call call)
{
	const struct engine_answer *a = &s->answer;
	unsigned sum = 0;

	if (a->num > 0 && call != ETCD_RANGE && call != ETCD_TXN &&
	    call != ETCD_WATCH)
		abort();
	for (size_t i = 0; i < a->num; i++) {
		const struct fleet_kv *kv = &a->kv[i];

		if (!etcd_json_key(kv->key) || kv->revision <= 0 ||
		    kv->create_revision < 0 ||
		    (kv->value == NULL && (call != ETCD_WATCH || kv->len != 0)))
			abort();
		for (size_t k = 0; kv->value != NULL && k < kv->len; k++)
			sum += kv->value[k];
	}
	/* Somebody has read every byte. */
	if (sum == 0xffffffff)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct etcd_said s;
	enum etcd_call call;

	if (size < 2)
		return 0;
	call = (enum etcd_call)(data[0] % ETCD_NUM_CALLS);
	etcd_json_read(&s, call, data[1] == '2' ? 200 : data[1] * 8,
	    (const char *)data + 2, size - 2, PREFIX);
	check_records(&s, call);
	if ((s.answer.result == ENGINE_DONE) != (s.answer.why[0] == '\0') &&
	    s.answer.result != ENGINE_LOST)
		abort();
	if (call == ETCD_LOGIN && s.answer.result == ENGINE_DONE &&
	    (s.token == NULL || strpbrk(s.token, " \r\n") != NULL))
		abort();
	if ((s.created || s.canceled || s.fragment) && call != ETCD_WATCH)
		abort();
	etcd_json_free(&s);
	return 0;
}
