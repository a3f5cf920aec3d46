/*
 * A new configuration under live connections: whoever it would not let in is
 * cut, and nobody else; and what it does not touch is not made anew.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/lib/pkimake.h"
#include "tests/lib/scene.h"

#define EACH 4 /* connections of each kind */
#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"

static void
prepare(void)
{
	scene_prepare();
	gateway_set(&gw, "recheck.grace_ms", "0");
	gateway_set(&gw, "recheck.jitter_ms", "0");
}

static void
reload(void)
{
	gateway_write(&gw);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(&gw, "reloaded the configuration");
}

static void
come_in(struct tls *t, const char *peer)
{
	for (int i = 0; i < EACH; i++)
		tls_enter(&t[i], &town, peer, gw.port,
		    i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
}

static void
must_be_cut(struct tls *t)
{
	for (int i = 0; i < EACH; i++)
		tls_must_be_cut(&t[i]);
}

static void
must_live(struct tls *t)
{
	for (int i = 0; i < EACH; i++)
		assert_int_equal(tls_echo(&t[i]), 1);
}

static void
leave(struct tls *t)
{
	for (int i = 0; i < EACH; i++)
		tls_free(&t[i]);
}

static void
put(const char *section, const char *config)
{
	rest_push(&gw, section, config, 202);
}

/* Until every live connection has been asked about once more. */
static void
await_rechecks(unsigned more)
{
	workers_await(&gw, "rechecks", more);
}

static void
a_certificate_is_asked_for_from_now_on(void **state)
{
	struct tls_options o = {0};
	struct tls nobody[EACH];

	(void)state;
	prepare();
	gateway_set(&gw, "tls.type", "\"ONE_WAY\"");
	gateway_start(&gw);
	for (int i = 0; i < EACH; i++) {
		o.version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
		assert_true(tls_connect(&nobody[i], gw.port, &o));
		assert_int_equal(tls_echo(&nobody[i]), 1);
	}
	/* A change of something else is none for them. */
	gateway_set(&gw, "recheck.jitter_ms", "1");
	reload();
	await_rechecks(EACH);
	must_live(nobody);
	put("corda.p2p.gateway", "{\"sslConfig\":{\"tlsType\":\"MUTUAL\"}}");
	must_be_cut(nobody);
	gateway_must_say(&gw, "a client certificate is asked for");
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	(void)tls_connect(&nobody[0], gw.port, &o);
	assert_int_equal(tls_echo(&nobody[0]), 0);
	tls_free(&nobody[0]);
}

static void
none_is_asked_for_any_more(void **state)
{
	struct tls good[EACH];
	unsigned before;

	(void)state;
	prepare();
	gateway_start(&gw);
	come_in(good, "good");
	before = workers_counted(&gw, "rechecks");
	gateway_set(&gw, "tls.type", "\"ONE_WAY\"");
	reload();
	await_rechecks(before + EACH);
	must_live(good);
	leave(good);
}

static void
another_trust(void **state)
{
	char *both = xasprintf("[{\"group\":\"town\",\"anchors\":\"%s/trust.pem"
			       "\"},{\"group\":\"x\",\"anchors\":\"x.pem\"}]",
	    town.dir);
	struct pki_ca ca;
	struct tls good[EACH];
	unsigned before;

	(void)state;
	pki_ca_init(&ca, "somebody else's");
	pki_write("x.pem", ca.cert, NULL);
	pki_ca_cleanup(&ca);
	prepare();
	gateway_start(&gw);
	come_in(good, "good");
	before = workers_counted(&gw, "rechecks");
	gateway_set(&gw, "trust", both);
	reload();
	await_rechecks(before + EACH);
	must_live(good);
	gateway_set(&gw, "trust", "[{\"group\":\"x\",\"anchors\":\"x.pem\"}]");
	reload();
	must_be_cut(good);
	assert_true(tls_try(&town, "good", gw.port, 0) >= 0);
	free(both);
}

static void
set_level(int level)
{
	char *config = xasprintf("{\"securityLevel\":%d}", level);

	put("revcheck", config);
	free(config);
}

/* RSA of 2048 bits is worth 112 bits; level 3 asks for 128, as P-256 has. */
static void
more_strength_is_asked_for(void **state)
{
	struct tls good[EACH], weak[EACH];

	(void)state;
	town_ca(&town, "leaf", "doorman", "peers/rsa", "--alg", "rsa", NULL);
	prepare();
	gateway_start(&gw);
	come_in(good, "good");
	come_in(weak, "rsa");
	set_level(3);
	must_be_cut(weak);
	must_live(good);
	leave(good);
	/* Nor does it come back by the path it had. */
	assert_true(tls_try(&town, "rsa", gw.port, 0) >= 0);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

struct made {
	unsigned contexts, memories;
};

static struct made
made(void)
{
	return (struct made){
	    .contexts = workers_counted(&gw, "tls_contexts_made"),
	    .memories = workers_counted(&gw, "path_memories_made")};
}

static void
expect_made(struct made before, unsigned contexts, unsigned memories)
{
	struct made now = made();

	assert_int_equal(now.contexts, before.contexts + contexts);
	assert_int_equal(now.memories, before.memories + memories);
}

/* A peer that has been here: its path is not verified anew. */
static void
is_remembered(void)
{
	unsigned hits = workers_counted(&gw, "path_memory_hits");
	unsigned misses = workers_counted(&gw, "path_memory_misses");

	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	workers_must_count(&gw, "path_memory_hits", hits + 1);
	workers_must_count(&gw, "path_memory_misses", misses);
}

static void
a_subject_makes_nothing_anew(void **state)
{
	struct made before;
	char *path;

	(void)state;
	prepare();
	gateway_start(&gw);
	rest_expect(
	    &gw, "PUT", SUBJECTS "/C%3DGB,%20L%3DLondon,%20O%3Dgood", 204);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	before = made();
	for (int i = 0; i < 20; i++) {
		path = xasprintf("%s/O%%3Dsomebody%d,C%%3DGB", SUBJECTS, i);
		rest_expect(&gw, "PUT", path, 204);
		is_remembered();
		rest_expect(&gw, "DELETE", path, 204);
		is_remembered();
		free(path);
	}
	expect_made(before, 0, 0);
	/* And the last word counts all the same. */
	rest_expect(
	    &gw, "DELETE", SUBJECTS "/C%3DGB,%20L%3DLondon,%20O%3Dgood", 204);
	assert_true(tls_try(&town, "good", gw.port, 0) >= 0);
	expect_made(before, 0, 0);
}

/*
 * Files are read again at a reload while they are so young that a change of
 * them might not be seen. Handshakes of the good peer are the clock.
 */
static void
reload_when_files_have_settled(void)
{
	char *key = town_path(&town, "gateway.key");
	struct stat st;

	assert_int_equal(stat(key, &st), 0);
	while (time(NULL) <= st.st_ctime + 2)
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	free(key);
	reload();
}

static void
each_part_is_made_anew_for_what_it_comes_from(void **state)
{
	char *both = xasprintf("[{\"group\":\"town\",\"anchors\":\"%s/trust.pem"
			       "\"},{\"group\":\"x\",\"anchors\":\"x.pem\"}]",
	    town.dir);
	char *gateway =
	    xasprintf("[{\"name\":\"own\",\"certificate\":\"%s/peers/fresh.pem"
		      "\",\"key\":\"%s/peers/fresh.key\"}]",
		town.dir, town.dir);
	struct pki_ca ca;
	struct made before;

	(void)state;
	pki_ca_init(&ca, "somebody else's");
	pki_write("x.pem", ca.cert, NULL);
	pki_ca_cleanup(&ca);
	prepare();
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	reload_when_files_have_settled();
	before = made();
	rest_mode(&gw, "OFF");
	rest_mode(&gw, "HARD_FAIL");
	reload();
	is_remembered();
	expect_made(before, 0, 0);
	/* Trust is of paths, */
	gateway_set(&gw, "trust", both);
	reload();
	expect_made(before, 0, 1);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	is_remembered();
	/* an identity of contexts, */
	gateway_set(&gw, "identities", gateway);
	reload();
	expect_made(before, 1, 1);
	is_remembered();
	/* and strength of both. */
	set_level(1);
	expect_made(before, 2, 2);
	free(gateway);
	free(both);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(a_certificate_is_asked_for_from_now_on),
	    SCENE(none_is_asked_for_any_more),
	    SCENE(another_trust),
	    SCENE(more_strength_is_asked_for),
	    SCENE(a_subject_makes_nothing_anew),
	    SCENE(each_part_is_made_anew_for_what_it_comes_from),
	};

	return cmocka_run_group_tests_name(
	    "reconfigured", tests, scene_setup, scene_teardown);
}
