/*
 * log_sink: formats a line and writes it in one call, so that lines of
 * several threads do not mix. A flood is cut off by the second and its size
 * told afterwards. Never blocks on anything but the write itself.
 */
#include "gateway/process/log_sink.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache/base/text.h"

/* Twice the longest line of log.c, as JSON may escape every byte; fields. */
#define LINE_SIZE 8192

struct log_sink {
	struct log log;
	int fd;
	bool json;
	atomic_long second; /* that is being counted */
	atomic_uint in_second;
	atomic_uint dropped;
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

static void
put(const struct log_sink *s, const struct timespec *now, enum log_level level,
    const char *line, const struct log_field *fields, size_t num)
{
	char buf[LINE_SIZE], when[TEXT_TIME_LEN];
	ssize_t done;
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
	/* Nobody is there to tell when the log cannot be written. */
	done = write(s->fd, buf, n < sizeof(buf) ? n : sizeof(buf) - 1);
	(void)done;
}

static bool
over_limit(struct log_sink *s, const struct timespec *now, enum log_level level)
{
	long second = atomic_load(&s->second);
	unsigned dropped;
	char line[80];

	if (second != now->tv_sec &&
	    atomic_compare_exchange_strong(&s->second, &second, now->tv_sec)) {
		atomic_store(&s->in_second, 0);
		dropped = atomic_exchange(&s->dropped, 0);
		if (dropped > 0) {
			snprintf(line, sizeof(line),
			    "%u log lines were dropped", dropped);
			put(s, now, LOG_LEVEL_WARN, line, NULL, 0);
		}
	}
	if (level == LOG_LEVEL_ERROR ||
	    atomic_fetch_add(&s->in_second, 1) < LOG_SINK_MAX_PER_SEC)
		return false;
	atomic_fetch_add(&s->dropped, 1);
	return true;
}

static void
log_sink_event(void *arg, enum log_level level, const char *line,
    const struct log_field *fields, size_t num)
{
	struct log_sink *s = arg;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!over_limit(s, &now, level))
		put(s, &now, level, line, fields, num);
}

static void
log_sink_line(void *arg, enum log_level level, const char *line)
{
	log_sink_event(arg, level, line, NULL, 0);
}

int
log_sink_new(
    struct log_sink **out, const struct conf_log *conf, struct err *err)
{
	struct log_sink *s = calloc(1, sizeof(*s));

	*out = s;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->log.level = conf->level;
	s->log.fn = log_sink_line;
	s->log.event = log_sink_event;
	s->log.arg = s;
	s->fd = conf->to_stdout ? STDOUT_FILENO : STDERR_FILENO;
	s->json = conf->format == CONF_LOG_JSON;
	return 0;
}

void
log_sink_free(struct log_sink *s)
{
	free(s);
}

const struct log *
log_sink_get0_log(const struct log_sink *s)
{
	return &s->log;
}
