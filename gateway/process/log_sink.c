/*
 * log_sink: formats lines and hands them to the thread that writes them, so
 * that no other thread ever waits for who reads. A flood is cut off by the
 * second, lines that strangers cause apart from the rest, and what was dropped
 * is told afterwards.
 */
#include "gateway/process/log_sink.h"
#include "gateway/process/log_writer.h"

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

/* Whole or not at all: what is cut in the middle is no JSON. */
static size_t
json_field(char *out, size_t size, const struct log_field *f)
{
	size_t need = strlen(f->key) + 5 * strlen(f->value) + 16, n;

	if (need > size)
		return 0;
	n = (size_t)snprintf(out, size, ",\"%s\":\"", f->key);
	n += json_escape(out + n, size - n, f->value);
	out[n++] = '"';
	return n;
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

static void
put(struct channel *c, const struct timespec *now, enum log_level level,
    const char *line, const struct log_field *fields, size_t num)
{
	const struct log_sink *s = c->sink;
	char buf[LINE_SIZE], when[TEXT_TIME_LEN];
	size_t n;

	text_time(when, now->tv_sec);
	when[19] = '\0'; /* a fraction and the Z come behind it */
	if (s->json) {
		n = (size_t)snprintf(buf, sizeof(buf),
		    "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"",
		    when, now->tv_nsec / 1000000, level_name(level));
		n += json_escape(buf + n, sizeof(buf) - n - 4, line);
		buf[n++] = '"';
		for (size_t i = 0; i < num; i++)
			n += json_field(
			    buf + n, sizeof(buf) - n - 3, &fields[i]);
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "}\n");
	} else {
		n = (size_t)snprintf(buf, sizeof(buf), "%s.%03ldZ %-5s %s\n",
		    when, now->tv_nsec / 1000000, level_name(level), line);
	}
	if (n >= sizeof(buf)) {
		n = sizeof(buf) - 1;
		buf[n - 1] = '\n';
	}
	if (!log_writer_put(s->writer, buf, n,
		is_ours_and_an_error(c, level) ? RING_BYTES : c->share))
		note_dropped(c);
}

static bool
over_limit(struct channel *c, const struct timespec *now, enum log_level level)
{
	long second = atomic_load(&c->second);
	unsigned dropped;
	char line[80];

	if (second != now->tv_sec &&
	    atomic_compare_exchange_strong(&c->second, &second, now->tv_sec)) {
		atomic_store(&c->in_second, 0);
		dropped = atomic_exchange(&c->dropped, 0);
		if (dropped > 0) {
			snprintf(line, sizeof(line), "%u %s", dropped,
			    c->dropped_text);
			put(c, now, LOG_LEVEL_WARN, line, NULL, 0);
		}
	}
	if (is_ours_and_an_error(c, level) ||
	    atomic_fetch_add(&c->in_second, 1) < c->max_per_sec)
		return false;
	note_dropped(c);
	return true;
}

static void
channel_event(void *arg, enum log_level level, const char *line,
    const struct log_field *fields, size_t num)
{
	struct channel *c = arg;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!over_limit(c, &now, level))
		put(c, &now, level, line, fields, num);
}

static void
channel_line(void *arg, enum log_level level, const char *line)
{
	channel_event(arg, level, line, NULL, 0);
}

static void
channel_init(struct channel *c, struct log_sink *s, enum log_level level)
{
	c->sink = s;
	c->log = (struct log){.level = level,
	    .fn = channel_line,
	    .event = channel_event,
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
