/*
 * kill -9 at every transition, and between them. Each round takes one peer
 * from its certificate request to its revocation; somewhere on the way the
 * service dies and is started again. At the end nothing was lost, nothing was
 * done twice, and the CRL number never went back.
 *
 * The rounds are dealt out to several doormen, each with a process of its
 * own (this program, told which part it is), so that one waits while another
 * works. They live in memory where there is a file system for it: what a
 * killed process has written stays written with or without a disk under it,
 * and most of the time went into waiting for one.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/doorman/doorman_net.h"

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 44
#elif defined(__SANITIZE_THREAD__)
#define ROUNDS 22
#else
#define ROUNDS 220
#endif

#define PARTS        4
#define PART_WAIT_MS 240000
#define MEMORY       "/dev/shm/doorman-kill.XXXXXX"

/* Where the service kills itself; NULL: the test kills it, at any moment. */
static const char *const places[] = {
    "intake.before-commit",
    "intake.after-commit",
    "intake.before-commit:2",
    "intake.after-commit:2",
    /* A second report about the same certificate. */
    "intake.before-commit:3",
    "intake.after-commit:3",
    "ticket.made-not-recorded",
    "ticket.made-not-recorded:2",
    "ticket.before-commit",
    "ticket.after-commit",
    "ticket.before-commit:2",
    "ticket.after-commit:2",
    "decide.before-commit",
    "decide.after-commit",
    "decide.before-commit:2",
    "decide.after-commit:2",
    "certificate.before-commit",
    "certificate.after-commit",
    "publish.before-commit",
    "publish.after-commit",
    NULL,
    NULL,
    NULL,
    NULL,
};

static struct doorman_net net;
static struct jira jira;
static long last_number;
static int deaths, part;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	jira_start(&jira, &net);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unsetenv("DOORMAN_CRASH");
	doorman_net_free(&net);
	jira_stop(&jira);
	return 0;
}

/* Starts it again, without a place to die, if it is not there. */
static void
keep_alive(void)
{
	if (net.serve.name != NULL && proc_wait(&net.serve, 0) == -1)
		return;
	if (net.serve.name != NULL) {
		deaths++;
		assert_int_equal(proc_wait(&net.serve, 0), 128 + SIGKILL);
		proc_cleanup(&net.serve);
		memset(&net.serve, 0, sizeof(net.serve));
	}
	unsetenv("DOORMAN_CRASH");
	doorman_net_start(&net);
}

static void
number_never_goes_back(void)
{
	long n = doorman_net_crl_number(&net, "doorman");

	/* 0: it was dead when it was asked. */
	if (n == 0)
		return;
	assert_true(n >= last_number);
	last_number = n;
}

/* POSTs until there is an answer: the same body may go out again. */
static char *
post(const char *path, const char *body)
{
	char *url = xasprintf("%s%s", net.url, path), *id = NULL;
	time_t end = time(NULL) + WAIT_MS / 1000;
	struct web w;

	while (id == NULL) {
		keep_alive();
		web_request(&w, "POST", url, NULL, body, "application/json");
		if (w.status == 200)
			id = xstrdup(w.body);
		else if (w.status != 0 || time(NULL) > end)
			fail_msg("%s: %ld %s", path, w.status, w.body);
		web_free(&w);
	}
	free(url);
	return id;
}

static void
until(const char *kind, const char *id, const char *want)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	bool there = false;

	while (!there) {
		char *s;

		keep_alive();
		s = doorman_net_state(&net, kind, id);
		there = strcmp(s, want) == 0;
		if (strcmp(s, "there is no such request") == 0)
			fail_msg("request %s was lost", id);
		if (!there && time(NULL) > end)
			fail_msg("request %s is %s and not %s", id, s, want);
		free(s);
	}
}

static bool
state_is(const char *kind, const char *id, const char *want)
{
	char *s;
	bool is;

	keep_alive();
	s = doorman_net_state(&net, kind, id);
	is = strcmp(s, want) == 0;
	free(s);
	return is;
}

static void
sign_until_done(const char *kind, const char *id, bool certificate)
{
	time_t end = time(NULL) + WAIT_MS / 1000;

	while (!state_is(kind, id, "DONE")) {
		char *input, *out;

		if (time(NULL) > end)
			fail_msg("request %s is never done", id);
		keep_alive();
		number_never_goes_back();
		input = certificate
		    ? xstrdup("sign certificates +1\n")
		    : xasprintf("sign doorman %ld +1\n", last_number + 1);
		if (certificate)
			doorman_net_sign(&net, input, &out, "certificates");
		else
			doorman_net_sign(&net, input, &out, "crl");
		free(out);
		free(input);
	}
}

static char *
make_csr(int round, EVP_PKEY *key)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_NAME_new();
	BIO *mem = BIO_new(BIO_s_mem());
	char text[32], *data, *copy;
	long len;

	snprintf(text, sizeof(text), "Peer %d", round);
	X509_NAME_add_entry_by_txt(
	    name, "O", MBSTRING_ASC, (unsigned char *)text, -1, -1, 0);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	PEM_write_bio_X509_REQ(mem, req);
	len = BIO_get_mem_data(mem, &data);
	copy = xasprintf("%.*s", (int)len, data);
	BIO_free(mem);
	X509_NAME_free(name);
	X509_REQ_free(req);
	return copy;
}

/* From outside, at a moment that depends on the round only. */
static void
maybe_kill(int round, int step)
{
	int num = (int)(sizeof(places) / sizeof(places[0]));

	if (places[round % num] == NULL && round / num % 6 == step &&
	    proc_wait(&net.serve, 0) == -1) {
		proc_signal(&net.serve, SIGKILL);
		assert_int_equal(proc_wait(&net.serve, WAIT_MS), 128 + SIGKILL);
	}
}

static char *
report(const char *certificate, const char *reason, const char *reporter)
{
	char *body = xasprintf(
	    "{\"csrRequestId\":\"%s\",\"reason\":\"%s\",\"reporter\":\"%s\"}",
	    certificate, reason, reporter);
	char *id = post("/certificate-revocation-request", body);

	free(body);
	return id;
}

static void
one_life(int round, char **certificate, char **revocation)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *csr = make_csr(round, key), *again;

	*certificate = post("/certificate", csr);
	maybe_kill(round, 0);
	until("certificate-request", *certificate, "TICKET_CREATED");
	jira_decide(&jira, *certificate, "Approved", "Carol");
	maybe_kill(round, 1);
	until("certificate-request", *certificate, "APPROVED");
	maybe_kill(round, 2);
	sign_until_done("certificate-request", *certificate, true);
	*revocation = report(*certificate, "UNSPECIFIED", "troll");
	maybe_kill(round, 3);
	until("certificate-revocation-request", *revocation, "TICKET_CREATED");
	again = report(*certificate, "KEY_COMPROMISE", "officer");
	assert_string_equal(again, *revocation);
	free(again);
	jira_decide(&jira, *revocation, "Approved", "Carol");
	maybe_kill(round, 4);
	until("certificate-revocation-request", *revocation, "APPROVED");
	maybe_kill(round, 5);
	sign_until_done("certificate-revocation-request", *revocation, false);
	number_never_goes_back();
	free(csr);
	EVP_PKEY_free(key);
}

/* Four steps, each once. */
static void
lived_once(const char *kind, const char *id)
{
	static const char *const want[] = {
	    "NEW", "TICKET_CREATED", "APPROVED", "DONE"};
	char *url = xasprintf("%s/%s/%s", net.url, kind, id);
	const cJSON *step;
	struct web w;
	int n = 0;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	cJSON_ArrayForEach(step, json_at(w.json, "history"))
	{
		assert_true(n < 4);
		assert_string_equal(json_text(step, "to"), want[n++]);
	}
	assert_int_equal(n, 4);
	if (strcmp(kind, "certificate-revocation-request") == 0) {
		/* Each said once, whoever died; the worse one counts. */
		assert_int_equal(
		    cJSON_GetArraySize(json_at(w.json, "reports")), 2);
		assert_string_equal(
		    json_text(w.json, "reason"), "KEY_COMPROMISE");
	}
	assert_int_equal(jira_issues(&jira, id, NULL), 1);
	web_free(&w);
	free(url);
}

static void
every_death_is_survived(void **state)
{
	static char *ids[2 * ROUNDS];
	char *url =
	    xasprintf("%s/certificate-revocation-list/doorman", net.url);
	int rounds = 0;
	const unsigned char *p;
	X509_CRL *crl;
	struct web w;

	(void)state;
	for (int i = part; i < ROUNDS; i += PARTS, rounds++) {
		const char *place =
		    places[i % (int)(sizeof(places) / sizeof(places[0]))];

		if (place != NULL) {
			doorman_net_stop(&net);
			setenv("DOORMAN_CRASH", place, 1);
			doorman_net_start(&net);
		}
		one_life(i, &ids[2 * i], &ids[2 * i + 1]);
	}
	keep_alive();
	for (int i = part; i < ROUNDS; i += PARTS) {
		lived_once("certificate-request", ids[2 * i]);
		lived_once("certificate-revocation-request", ids[2 * i + 1]);
		free(ids[2 * i]);
		free(ids[2 * i + 1]);
	}
	/* None of a POST that was not answered stayed behind either. */
	assert_int_equal(jira_count(&jira), 2 * rounds);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	p = (unsigned char *)w.body;
	crl = d2i_X509_CRL(NULL, &p, (long)w.len);
	assert_non_null(crl);
	assert_int_equal(
	    sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), rounds);
	/* One list for each revocation, none in vain. */
	assert_int_equal(last_number, rounds + 1);
	assert_int_equal(deaths, rounds);
	printf("survived=%d\n", deaths);
	X509_CRL_free(crl);
	web_free(&w);
	free(url);
}

/* In a directory of its own, as tests/run would start it. */
static int
part_main(const char *dir, const char *which)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_death_is_survived),
	};

	part = (int)number_parse("part", which, 0, PARTS - 1);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (chdir(dir) != 0)
		return 1;
	dir_make(which);
	if (chdir(which) != 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}

static char memory[] = MEMORY;

static int
memory_make(void **state)
{
	static char here[] = ".";

	*state = mkdtemp(memory) != NULL ? memory : here;
	return 0;
}

static int
memory_remove(void **state)
{
	const char *argv[] = {"/bin/rm", "-r", memory, NULL};

	(void)state;
	if (strcmp(memory, MEMORY) != 0 && access(memory, F_OK) == 0)
		return proc_run(argv, "rm.log", WAIT_MS, NULL);
	return 0;
}

static void
all_parts_survive(void **state)
{
	struct proc parts[PARTS];
	char *self = realpath("/proc/self/exe", NULL);
	int survived = 0;

	assert_non_null(self);
	for (int i = 0; i < PARTS; i++) {
		char *which = xasprintf("%d", i);
		char *log = xasprintf("part%d.log", i);
		const char *argv[] = {self, *state, which, NULL};

		proc_start(&parts[i], "part", log, argv);
		free(log);
		free(which);
	}
	for (int i = 0; i < PARTS; i++) {
		char *line = proc_await(&parts[i], "survived=", PART_WAIT_MS);
		char *num = line != NULL ? line_value(line, "survived") : NULL;

		if (num == NULL || proc_wait(&parts[i], WAIT_MS) != 0)
			fail_msg("part %d: %s", i, proc_log_end(&parts[i]));
		survived += num != NULL ? atoi(num) : 0;
		proc_cleanup(&parts[i]);
		free(num);
		free(line);
	}
	assert_int_equal(survived, ROUNDS);
	free(self);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_parts_survive),
	};

	if (argc == 3)
		return part_main(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, memory_make, memory_remove);
}
