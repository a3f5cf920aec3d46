/* identity: exact names, one-label wildcards, the Corda 4 form, the default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "gateway/conf/conf.h"
#include "gateway/tls/sni_index.h"
#include "tests/lib/selfcert.h"

static const char *const alice[] = {
    "C", "GB", "L", "London", "O", "Alice Corp", NULL};
static const char *const bob[] = {"C", "CH", "L", "Basel", "O", "Bob", NULL};

static char name_alice[] = "alice.example", name_bob[] = "bob.example";
static char name_both[] = "gw.example", name_wild[] = "*.bob.example";
static char *alice_names[] = {name_alice, name_both};
static char *bob_names[] = {name_bob, name_wild, name_both};

struct town {
	struct conf conf;
	struct conf_identity ids[2];
	X509 *certs[2];
	EVP_PKEY *keys[2];
	struct sni_index *ix;
};

static int
set_up(void **state)
{
	static struct town t;

	memset(&t, 0, sizeof(t));
	t.certs[0] = selfcert_new(&t.keys[0], alice);
	t.certs[1] = selfcert_new(&t.keys[1], bob);
	for (int i = 0; i < 2; i++) {
		t.ids[i].chain = &t.certs[i];
		t.ids[i].num_chain = 1;
	}
	t.ids[0].server_names = alice_names;
	t.ids[0].num_server_names = 2;
	t.ids[1].server_names = bob_names;
	t.ids[1].num_server_names = 3;
	t.conf.identities = t.ids;
	t.conf.num_identities = 2;
	*state = &t;
	return sni_index_new(&t.ix, &t.conf, NULL);
}

static int
tear_down(void **state)
{
	struct town *t = *state;

	sni_index_free(t->ix);
	for (int i = 0; i < 2; i++) {
		X509_free(t->certs[i]);
		EVP_PKEY_free(t->keys[i]);
	}
	return 0;
}

static void
names_are_found(void **state)
{
	const struct town *t = *state;

	assert_int_equal(sni_find(t->ix, "bob.example"), 1);
	assert_int_equal(sni_find(t->ix, "BOB.Example"), 1);
	assert_int_equal(sni_find(t->ix, "bob.example."), 1);
	assert_int_equal(sni_find(t->ix, "alice.example"), 0);
	/* Two claim it: the first does. */
	assert_int_equal(sni_find(t->ix, "gw.example"), 0);
}

static void
a_wildcard_is_one_label(void **state)
{
	const struct town *t = *state;

	assert_int_equal(sni_find(t->ix, "x.bob.example"), 1);
	assert_int_equal(sni_find(t->ix, "x.y.bob.example"), 0);
	assert_int_equal(sni_find(t->ix, ".bob.example"), 0);
	assert_int_equal(sni_find(t->ix, "xbob.example"), 0);
}

static void
strange_names_mean_the_default(void **state)
{
	const struct town *t = *state;
	char longest[400];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(sni_find(t->ix, NULL), 0);
	assert_int_equal(sni_find(t->ix, ""), 0);
	assert_int_equal(sni_find(t->ix, "."), 0);
	assert_int_equal(sni_find(t->ix, longest), 0);
	longest[255] = '\0';
	assert_int_equal(sni_find(t->ix, longest), 0);
}

static void
corda4_names_are_found(void **state)
{
	const struct town *t = *state;
	static const char *const texts[] = {
	    "O=Bob, L=Basel, C=CH", "O=Bob,L=Basel,C=CH"};
	static const char domain[] = ".p2p.corda.net";
	unsigned char md[32];
	char name[64];

	for (int i = 0; i < 2; i++) {
		SHA256((const unsigned char *)texts[i], strlen(texts[i]), md);
		for (int k = 0; k < 16; k++)
			sprintf(name + 2 * k, "%02x", md[k]);
		memcpy(name + 32, domain, sizeof(domain));
		assert_int_equal(sni_find(t->ix, name), 1);
		name[0] ^= 1; /* another digit, nobody's */
		assert_int_equal(sni_find(t->ix, name), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_found),
	    cmocka_unit_test(a_wildcard_is_one_label),
	    cmocka_unit_test(strange_names_mean_the_default),
	    cmocka_unit_test(corda4_names_are_found),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
