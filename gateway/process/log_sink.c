/*
 * log_sink: formats lines and hands them to the thread that writes them, so
 * that no other thread ever waits for who reads. A flood is cut off by the
 * second, lines that strangers cause apart from the rest, and what was dropped
 * is told afterwards.
 */
#include "gateway/process/log_sink.h"
#include "gateway/process/log_writer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache/base/text.h"

/* Twice the longest line of log.c, as JSON may escape every byte; fields. */
#define LINE_SIZE 8192

/* Lines that wait to be written: all, but for errors, and of strangers. */
#define RING_BYTES     ((size_t)1 << 20)
#define ORDINARY_BYTES (RING_BYTES / 8 * 7)
#define STRANGER_BYTES (RING_BYTES / 2)

#define PATIENCE_MS 2000

/* Lines of one origin, with limits of their own. */
struct channel {
	struct log log;
	struct log_sink *sink;
	const char *dropped_text; /* "%u" is how many */
	unsigned max_per_sec;
	size_t share;
	atomic_long second; /* that is being counted */
	atomic_uint in_second;
	atomic_uint dropped; /* not told yet */
};

struct log_sink {
	struct channel own, strangers;
	struct log_writer *writer;
	bool json;
	_Atomic uint64_t dropped;
};

static const char *
level_name(enum log_level level)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	return level <= LOG_LEVEL_DEBUG ? names[level] : "?";
}

/*
 * A string of JSON between quotes that are there already. What is not
 * printable ASCII reads as in a line of text: \xNN.
 */
static size_t
json_escape(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 6 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c >= 0x7f) {
			memcpy(out + n, "\\\\x", 3);
			text_hex(out + n + 3, &c, 1);
			n += 5;
			continue;
		}
		if (c == '"' || c == '\\')
			out[n++] = '\\';
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n;
}

/* One value; 0: it does not fit. */
static size_t
json_text(char *out, size_t size, const char *text)
{
	size_t n;

	if (5 * strlen(text) + 8 > size)
		return 0;
	out[0] = '"';
	n = 1 + json_escape(out + 1, size - 1, text);
	out[n++] = '"';
	return n;
}

static size_t
json_list(char *out, size_t size, const char *const *list)
{
	size_t n = 0, len;

	out[n++] = '[';
	for (; *list != NULL; list++) {
		if (n > 1)
			out[n++] = ',';
		len =
		    size - n > 8 ? json_text(out + n, size - n - 1, *list) : 0;
		if (len == 0)
			return 0;
		n += len;
	}
	out[n++] = ']';
	return n;
}

static size_t
json_value(char *out, size_t size, const struct log_field *f)
{
	switch (f->kind) {
	case LOG_TEXT:
		return json_text(out, size, f->text);
	case LOG_INTEGER:
		return (size_t)snprintf(
		    out, size, "%lld", (long long)f->integer);
	case LOG_UNSIGNED:
		return (size_t)snprintf(
		    out, size, "%llu", (unsigned long long)f->number);
	case LOG_REAL:
		return (size_t)snprintf(
		    out, size, isfinite(f->real) ? "%.9g" : "null", f->real);
	case LOG_BOOL:
		return (size_t)snprintf(
		    out, size, "%s", f->flag ? "true" : "false");
	case LOG_LIST:
		return json_list(out, size, f->list);
	}
	return 0;
}

/* Whole or not at all: what is cut in the middle is no JSON. */
static size_t
json_field(char *out, size_t size, const struct log_field *f)
{
	size_t n = strlen(f->key) + 4, len;

	if (n + 32 > size)
		return 0;
	snprintf(out, size, ",\"%s\":", f->key);
	len = json_value(out + n, size - n, f);
	return len > 0 && n + len < size ? n + len : 0;
}

/* No limit but the ring holds back what the gateway itself has to tell. */
static bool
is_ours_and_an_error(const struct channel *c, enum log_level level)
{
	return level == LOG_LEVEL_ERROR && c == &c->sink->own;
}

static void
note_dropped(struct channel *c)
{
	atomic_fetch_add(&c->dropped, 1);
	atomic_fetch_add(&c->sink->dropped, 1);
}

/* Puts a line of n bytes, newline included. */
static void
put(struct channel *c, enum log_level level, const char *line, size_t n)
{
	if (!log_writer_put(c->sink->writer, line, n,
		is_ours_and_an_error(c, level) ? RING_BYTES : c->share))
		note_dropped(c);
}

/* "2026-11-30T09:00:00.123Z" */
#define WHEN_SIZE 40
static void
when_text(char out[WHEN_SIZE], const struct timespec *now)
{
	char seconds[TEXT_TIME_LEN];

	text_time(seconds, now->tv_sec);
	seconds[19] = '\0'; /* a fraction and the Z come behind it */
	snprintf(out, WHEN_SIZE, "%s.%03ldZ", seconds, now->tv_nsec / 1000000);
}

static void
put_text(struct channel *c, const struct timespec *now, enum log_level level,
    const char *line)
{
	char buf[LINE_SIZE], when[WHEN_SIZE];
	size_t n;

	when_text(when, now);
	n = (size_t)snprintf(
	    buf, sizeof(buf), "%s %-5s %s\n", when, level_name(level), line);
	if (n >= sizeof(buf)) {
		n = sizeof(buf) - 1;
		buf[n - 1] = '\n';
	}
	put(c, level, buf, n);
}

/* The schema of p2p-gateway(8), LOG. */
static void
put_record(
    struct channel *c, const struct timespec *now, const struct log_record *r)
{
	char buf[LINE_SIZE], when[WHEN_SIZE];
	size_t n;

	when_text(when, now);
	n = (size_t)snprintf(buf, sizeof(buf),
	    "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%.80s\",\"msg\":\"",
	    when, level_name(r->level), r->event);
	n += json_escape(buf + n, sizeof(buf) - n - 4, r->message);
	buf[n++] = '"';
	for (size_t i = 0; i < r->num; i++)
		n += json_field(buf + n, sizeof(buf) - n - 3, &r->fields[i]);
	n += (size_t)snprintf(buf + n, sizeof(buf) - n, "}\n");
	put(c, r->level, buf, n);
}

static void
put_dropped(struct channel *c, const struct timespec *now, unsigned dropped)
{
	const struct log_field fields[] = {LOG_FIELD_NUMBER("dropped", dropped),
	    LOG_FIELD_BOOL("strangers", c == &c->sink->strangers)};
	struct log_record r = {.level = LOG_LEVEL_WARN,
	    .event = "log-lines-dropped",
	    .fields = fields,
	    .num = LOG_NUM(fields)};
	char line[80];

	snprintf(line, sizeof(line), "%u %s", dropped, c->dropped_text);
	r.message = line;
	if (c->sink->json)
		put_record(c, now, &r);
	else
		put_text(c, now, r.level, line);
}

static bool
over_limit(struct channel *c, const struct timespec *now, enum log_level level)
{
	long second = atomic_load(&c->second);
	unsigned dropped;

	if (second != now->tv_sec &&
	    atomic_compare_exchange_strong(&c->second, &second, now->tv_sec)) {
		atomic_store(&c->in_second, 0);
		dropped = atomic_exchange(&c->dropped, 0);
		if (dropped > 0)
			put_dropped(c, now, dropped);
	}
	if (is_ours_and_an_error(c, level) ||
	    atomic_fetch_add(&c->in_second, 1) < c->max_per_sec)
		return false;
	note_dropped(c);
	return true;
}

static void
channel_line(void *arg, enum log_level level, const char *line)
{
	struct channel *c = arg;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!over_limit(c, &now, level))
		put_text(c, &now, level, line);
}

static void
channel_record(void *arg, const struct log_record *r)
{
	struct channel *c = arg;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!over_limit(c, &now, r->level))
		put_record(c, &now, r);
}

static void
channel_init(struct channel *c, struct log_sink *s, enum log_level level)
{
	c->sink = s;
	c->log = (struct log){.level = level,
	    .fn = channel_line,
	    .record = s->json ? channel_record : NULL,
	    .arg = c};
}

int
log_sink_new(
    struct log_sink **out, const struct conf_log *conf, struct err *err)
{
	struct log_sink *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->json = conf->format == CONF_LOG_JSON;
	channel_init(&s->own, s, conf->level);
	s->own.dropped_text = "log lines were dropped";
	s->own.max_per_sec = LOG_SINK_MAX_PER_SEC;
	s->own.share = ORDINARY_BYTES;
	channel_init(&s->strangers, s, conf->level);
	s->strangers.dropped_text =
	    "log lines about refused strangers were dropped";
	s->strangers.max_per_sec = LOG_SINK_STRANGERS_PER_SEC;
	s->strangers.share = STRANGER_BYTES;
	rc = log_writer_new(&s->writer,
	    conf->to_stdout ? STDOUT_FILENO : STDERR_FILENO, RING_BYTES, err);
	if (rc != 0) {
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

int
log_sink_start(struct log_sink *s, struct err *err)
{
	return log_writer_start(s->writer, err);
}

void
log_sink_free(struct log_sink *s)
{
	if (s == NULL)
		return;
	log_writer_free(s->writer, PATIENCE_MS);
	free(s);
}

const struct log *
log_sink_get0_log(const struct log_sink *s)
{
	return &s->own.log;
}

const struct log *
log_sink_get0_strangers(const struct log_sink *s)
{
	return &s->strangers.log;
}

bool
log_sink_flush(struct log_sink *s, unsigned patience_ms)
{
	return log_writer_flush(s->writer, patience_ms);
}

uint64_t
log_sink_dropped(const struct log_sink *s)
{
	return atomic_load(&s->dropped);
}
