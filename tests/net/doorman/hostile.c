/*
 * The desk and its bad guests: frames that are none, bytes that drip, a
 * stranger's user id, and one who asks and never listens.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "tests/doorman/signer_client.h"

#define NOBODY    "65534"
#define QUESTIONS 200000
#define GROWTH    ((size_t)48 << 20)

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_start(&net);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

/* A closed connection is forgotten when the desk gets to it. */
static void
fds_await(size_t most)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	struct signer_client s;

	while (pid_num_fds(net.serve.pid) > most) {
		if (time(NULL) > end)
			fail_msg("%zu descriptors and not %zu",
			    pid_num_fds(net.serve.pid), most);
		/* Each question is an event: the desk has gone round. */
		signer_client_open(&s, &net);
		signer_client_leave(&s);
	}
}

#define GUESTS 100

struct bad {
	const char *what, *bytes;
	size_t len;
	unsigned code;
};

#define BAD(what, bytes, code)                                \
	{                                                     \
		what, bytes, sizeof(bytes) - 1, WIRE_E_##code \
	}

static const struct bad before_hello[] = {
    BAD("no length", "\0\0\0\0", MALFORMED),
    BAD("room for no type", "\0\0\0\1\2", MALFORMED),
    BAD("one byte too long", "\0\0\4\1", MALFORMED),
    BAD("four gigabytes", "\377\377\377\377", MALFORMED),
    BAD("version 0", "\0\0\0\2\0\1", VERSION),
    BAD("version 3", "\0\0\0\2\3\1", VERSION),
    BAD("version 255", "\0\0\0\2\377\1", VERSION),
    BAD("a hello of version 1", "\0\0\0\x9\1\1\1\1\0\0\0\1x", VERSION),
    BAD("ping first", "\0\0\0\2\2\2", ORDER),
    BAD("type 0", "\0\0\0\2\2\0", ORDER),
    BAD("a failure first", "\0\0\0\2\2\10", ORDER),
    BAD("an answer", "\0\0\0\2\2\201", ORDER),
    BAD("an empty hello", "\0\0\0\2\2\1", MALFORMED),
    BAD("half a hello", "\0\0\0\4\2\1\2\2", MALFORMED),
    BAD("a hello that knows version 1 alone", "\0\0\0\x9\2\1\1\1\0\0\0\1x",
	VERSION),
    BAD("a hello from the future", "\0\0\0\x9\2\1\3\4\0\0\0\1x", VERSION),
    BAD("a hello with something behind", "\0\0\0\xa\2\1\2\2\0\0\0\1xy",
	MALFORMED),
    BAD("a name longer than the frame", "\0\0\0\x9\2\1\2\2\0\0\1\1x",
	MALFORMED),
    BAD("a name with a newline", "\0\0\0\x9\2\1\2\2\0\0\0\1\n", MALFORMED),
    BAD("HTTP", "GET / HTTP/1.1\r\n\r\n", MALFORMED),
};

static const struct bad after_hello[] = {
    BAD("no length", "\0\0\0\0", MALFORMED),
    BAD("one byte too long", "\20\0\0\1", MALFORMED),
    BAD("four gigabytes", "\377\377\377\377", MALFORMED),
    BAD("version 1", "\0\0\0\2\1\2", VERSION),
    BAD("version 3", "\0\0\0\2\3\2", VERSION),
    BAD("type 0", "\0\0\0\2\2\0", MALFORMED),
    BAD("type 9", "\0\0\0\2\2\11", MALFORMED),
    BAD("an answer", "\0\0\0\2\2\202", MALFORMED),
    BAD("an error", "\0\0\0\2\2\377", MALFORMED),
    BAD("a ping with a body", "\0\0\0\3\2\2x", MALFORMED),
    BAD("a list that is none", "\0\0\0\7\2\3\0\0\0\1x", MALFORMED),
    BAD("a submission of nothing", "\0\0\0\2\2\5", MALFORMED),
    BAD("a flag that is none", "\0\0\0\22\2\5\0\0\0\4root\0\0\0\2\0\0\0\0",
	MALFORMED),
    BAD("a million requests in no bytes",
	"\0\0\0\22\2\5\0\0\0\4root\0\0\0\0\0\17\102\100", MALFORMED),
    BAD("four billion requests",
	"\0\0\0\22\2\5\0\0\0\4root\0\0\0\0\377\377\377\377", MALFORMED),
    BAD("a failure of nothing", "\0\0\0\2\2\10", MALFORMED),
    BAD("a failure of no request", "\0\0\0\14\2\10\0\0\0\1x\0\0\0\1y",
	MALFORMED),
};

static void
is_refused(const struct bad *b, int hello, int round)
{
	struct signer_client s;

	if (round == 0)
		print_message(
		    "# %s %s HELLO\n", b->what, hello ? "after" : "before");
	signer_client_open(&s, &net);
	if (hello)
		signer_client_hello(&s);
	signer_client_send(&s, b->bytes, b->len);
	signer_client_refused(&s, b->code);
	signer_client_ended(&s);
	signer_client_close(&s);
}

/* Each gets its code and its end, and leaves nothing behind. */
static void
what_is_no_message_is_refused(void **state)
{
	size_t fds = pid_num_fds(net.serve.pid), rss = 0;
	struct signer_client s;

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0;
		     i < sizeof(before_hello) / sizeof(before_hello[0]); i++)
			is_refused(&before_hello[i], 0, round);
		for (size_t i = 0;
		     i < sizeof(after_hello) / sizeof(after_hello[0]); i++)
			is_refused(&after_hello[i], 1, round);
		if (round == 0)
			rss = pid_rss_bytes(net.serve.pid);
	}
	fds_await(fds);
	assert_true(pid_rss_bytes(net.serve.pid) < rss + GROWTH);
	signer_client_open(&s, &net);
	signer_client_hello(&s);
	signer_client_ping(&s);
	signer_client_leave(&s);
}

/*
 * The guests of one deadline: silence, half a frame, and a byte now and then
 * (a frame of a kilobyte, which at that pace lasts for minutes).
 */
static void
all_are_shown_out(
    struct signer_client *guests, size_t num, struct signer_client *dripping)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	size_t open = num;

	while (open > 0 && time(NULL) < end) {
		struct pollfd p[8];

		for (size_t i = 0; i < num; i++)
			p[i] = (struct pollfd){
			    .fd = guests[i].fd, .events = POLLIN};
		if (poll(p, num, 200) < 0)
			fail_msg("poll: %s", strerror(errno));
		for (size_t i = 0; i < num; i++) {
			if (p[i].revents == 0)
				continue;
			signer_client_ended(&guests[i]);
			signer_client_close(&guests[i]);
			open--;
		}
		/* It may be closed between poll and this. */
		if (dripping->fd >= 0)
			(void)!send(dripping->fd, "x", 1, MSG_NOSIGNAL);
	}
	assert_int_equal(open, 0);
}

static void
who_says_no_hello_is_shown_out(void **state)
{
	static struct signer_client guests[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		signer_client_open(&guests[i], &net);
	signer_client_send(&guests[1], "\0\0\0\x9\2\1", 6);
	signer_client_send(&guests[2], "\0\0\4\0", 4);
	all_are_shown_out(guests, 3, &guests[2]);
	assert_int_equal(proc_count(&net.serve, "no HELLO in time"), 3);
}

/* The desk is free again, although bytes kept coming. */
static void
who_never_finishes_a_question_loses_the_desk(void **state)
{
	static struct signer_client guest, next;
	struct doorman_net o;

	(void)state;
	doorman_net_init(&o, "idle", NULL, NULL);
	doorman_net_conf(&o, "sign_idle_sec = 1\n");
	doorman_net_start(&o);
	signer_client_open(&guest, &o);
	signer_client_hello(&guest);
	signer_client_send(&guest, "\0\0\4\0", 4);
	all_are_shown_out(&guest, 1, &guest);
	assert_int_equal(proc_count(&o.serve, "idle for too long"), 1);
	signer_client_open(&next, &o);
	signer_client_hello(&next);
	signer_client_leave(&next);
	doorman_net_free(&o);
}

/* Questions are read no faster than answers are taken. */
static void
who_does_not_listen_is_not_read(void **state)
{
	static struct signer_client s;
	size_t rss = pid_rss_bytes(net.serve.pid), sent = 0, at = 0;
	struct buf ask;
	struct wire_in in;
	size_t begun;

	(void)state;
	buf_init(&ask, WIRE_MAX_FIRST);
	begun = wire_begin(&ask, WIRE_GET_CRL);
	wire_text(&ask, "doorman");
	wire_end(&ask, begun);
	signer_client_open(&s, &net);
	signer_client_hello(&s);
	while (sent < QUESTIONS) {
		struct pollfd p = {.fd = s.fd, .events = POLLOUT};
		ssize_t n;

		if (poll(&p, 1, 500) == 0)
			break;
		n = send(s.fd, ask.p + at, ask.len - at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		assert_true(n > 0);
		at += (size_t)n;
		if (at == ask.len) {
			at = 0;
			sent++;
		}
	}
	assert_true(pid_rss_bytes(net.serve.pid) < rss + GROWTH);
	/* What was asked is answered as soon as somebody listens. */
	assert_true(sent > 0);
	for (size_t i = 0; i < sent; i++)
		assert_int_equal(
		    signer_client_answer(&s, &in), WIRE_GET_CRL | WIRE_ANSWER);
	if (at > 0) {
		signer_client_send(&s, ask.p + at, ask.len - at);
		assert_int_equal(
		    signer_client_answer(&s, &in), WIRE_GET_CRL | WIRE_ANSWER);
	}
	signer_client_ping(&s);
	signer_client_leave(&s);
	buf_free(&ask);
}

/*
 * One client with many silent connections keeps nobody out: the oldest of them
 * makes room, and who sits at the desk notices nothing.
 */
static void
silence_takes_no_place(void **state)
{
	static struct signer_client s[GUESTS];
	size_t fds = pid_num_fds(net.serve.pid);
	int said;

	(void)state;
	fds_await(fds);
	signer_client_open(&s[0], &net);
	signer_client_hello(&s[0]);
	for (int i = 1; i < GUESTS; i++)
		signer_client_open(&s[i], &net);
	for (int i = 1; i < GUESTS - 3; i++)
		signer_client_ended(&s[i]);
	signer_client_ping(&s[0]);
	/* Said, but not as often as it is done. */
	said = proc_count(&net.serve, "said nothing, makes room for another");
	assert_true(said > 0 && said <= 60);
	signer_client_leave(&s[0]);
	signer_client_hello(&s[GUESTS - 1]);
	signer_client_ping(&s[GUESTS - 1]);
	for (int i = 1; i < GUESTS; i++)
		signer_client_close(&s[i]);
	fds_await(fds);
}

/* Who says nothing more hands the desk over to one who asks for it. */
static void
the_desk_is_handed_over(void **state)
{
	static struct signer_client silent, next;
	time_t end = time(NULL) + WAIT_MS / 1000;
	struct doorman_net o;
	struct wire_in in;
	unsigned type;

	(void)state;
	doorman_net_init(&o, "handover", NULL, NULL);
	doorman_net_conf(&o, "sign_handover_sec = 1\n");
	doorman_net_start(&o);
	signer_client_open(&silent, &o);
	signer_client_hello(&silent);
	/* Each answer is an event: busy, and at last not busy any more. */
	do {
		struct buf ask;
		size_t begun;

		signer_client_open(&next, &o);
		buf_init(&ask, WIRE_MAX_FIRST);
		begun = wire_begin(&ask, WIRE_HELLO);
		wire_u8(&ask, WIRE_VERSION);
		wire_u8(&ask, WIRE_VERSION);
		wire_text(&ask, "next");
		wire_end(&ask, begun);
		signer_client_ask(&next, &ask);
		type = signer_client_answer(&next, &in);
		if (type != WIRE_ERROR)
			break;
		assert_int_equal(wire_get_u32(&in), WIRE_E_BUSY);
		signer_client_close(&next);
	} while (time(NULL) < end);
	assert_int_equal(type, WIRE_HELLO | WIRE_ANSWER);
	signer_client_ended(&silent);
	signer_client_close(&silent);
	signer_client_ping(&next);
	signer_client_leave(&next);
	assert_int_equal(proc_count(&o.serve, "gives the desk to"), 1);
	doorman_net_free(&o);
}

/* Another user. */

/* The tool, run as nobody, from a place where nobody may be. */
static int
sign_as_nobody(const char *dir, char **out)
{
	char *program = xasprintf("%s/doorman-sign", dir);
	char *conf = xasprintf("%s/sign.conf", dir);
	const char *argv[] = {"/usr/bin/setpriv", "--reuid=" NOBODY,
	    "--regid=" NOBODY, "--clear-groups", program, "-c", conf, "ping",
	    NULL};
	int rc = proc_run(argv, "nobody.log", WAIT_MS, out);

	free(conf);
	free(program);
	return rc;
}

static void
nobody_asks(
    const char *dir, const char *sign_uids, int status, const char *want)
{
	char *name = xasprintf("uid%s", sign_uids);
	char *lines = xasprintf(
	    "sign_socket = %s/sign.sock\nsign_uids = %s\n", dir, sign_uids);
	struct doorman_net o;
	char *out, *line;

	doorman_net_init(&o, name, NULL, NULL);
	doorman_net_conf(&o, lines);
	doorman_net_start(&o);
	if (sign_as_nobody(dir, &out) != status || strstr(out, want) == NULL)
		fail_msg(
		    "sign_uids '%s': no '%s' in: %s", sign_uids, want, out);
	free(out);
	/* The socket's mode is one guard, the user's id another. */
	if (sign_uids[0] == '\0') {
		char *socket = xasprintf("%s/sign.sock", dir);

		assert_int_equal(chmod(socket, 0666), 0);
		free(socket);
		assert_int_equal(sign_as_nobody(dir, &out), 1);
		free(out);
	}
	if (strcmp(sign_uids, "0") == 0 || sign_uids[0] == '\0') {
		line = proc_await(&o.serve,
		    "signer refused: uid " NOBODY " is not among sign_uids",
		    WAIT_MS);
		assert_non_null(line);
		free(line);
	}
	doorman_net_free(&o);
	free(lines);
	free(name);
}

static void
a_stranger_is_refused(void **state)
{
	char dir[] = "/tmp/doorman-desk.XXXXXX", *path, *conf;
	const char *copy[] = {
	    "/bin/cp", NULL, "dm/ca/root.pem", "dm/ca/doorman.pem", dir, NULL};
	static const char *const left[] = {
	    "doorman-sign", "sign.conf", "root.pem", "doorman.pem"};

	(void)state;
	if (geteuid() != 0) {
		print_message("# only root can be somebody else\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	path = fixture_path("doorman-sign");
	copy[1] = path;
	assert_int_equal(proc_run(copy, "cp.log", WAIT_MS, NULL), 0);
	free(path);
	path = xasprintf("%s/sign.conf", dir);
	conf = xasprintf("service = unix:%s/sign.sock\n"
			 "public_url = http://127.0.0.1:1\n"
			 "root_cert = root.pem\n"
			 "doorman_cert = doorman.pem\n",
	    dir);
	file_write(path, conf, strlen(conf));
	assert_int_equal(chmod(path, 0644), 0);
	free(conf);
	free(path);
	/* The socket itself keeps others out; or the desk does; or neither. */
	nobody_asks(dir, "", 1, "Permission denied");
	nobody_asks(dir, "0", 1, "the doorman closed the connection");
	nobody_asks(dir, "0," NOBODY, 0, "");
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		path = xasprintf("%s/%s", dir, left[i]);
		assert_int_equal(unlink(path), 0);
		free(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_message_is_refused),
	    cmocka_unit_test(who_says_no_hello_is_shown_out),
	    cmocka_unit_test(who_never_finishes_a_question_loses_the_desk),
	    cmocka_unit_test(who_does_not_listen_is_not_read),
	    cmocka_unit_test(silence_takes_no_place),
	    cmocka_unit_test(the_desk_is_handed_over),
	    cmocka_unit_test(a_stranger_is_refused),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
