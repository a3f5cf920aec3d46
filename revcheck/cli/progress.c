/* progress: see the header. */
#include "revcheck/cli/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "revcheck/cli/cli.h"

#define PATIENCE_MS 500 /* what is over sooner needs no line */
#define EVERY_MS    100
#define BAR_LEN     20

static struct {
	pthread_mutex_t lock;
	bool on, shown;
	uint64_t began_ms, drawn_ms;
	size_t done, total;
	char url[256];
	uint64_t bytes, length;
} p = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
progress_start(void)
{
	const char *term = getenv("TERM");

	pthread_mutex_lock(&p.lock);
	p.on =
	    isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
	p.began_ms = cli_mono_ms();
	pthread_mutex_unlock(&p.lock);
}

static void
wipe(void)
{
	if (p.shown)
		fputs("\r\033[K", stderr);
	p.shown = false;
}

/* "12.3 MB" */
static void
show_bytes(char *out, size_t cap, uint64_t n)
{
	if (n < 1000)
		snprintf(out, cap, "%u B", (unsigned)n);
	else if (n < 1000000)
		snprintf(out, cap, "%.1f kB", (double)n / 1e3);
	else
		snprintf(out, cap, "%.1f MB", (double)n / 1e6);
}

static size_t
bar(char *out, size_t cap, uint64_t part, uint64_t whole)
{
	size_t full = whole == 0 ? 0 : (size_t)(part * BAR_LEN / whole);

	if (full > BAR_LEN)
		full = BAR_LEN;
	return (size_t)snprintf(out, cap, "[%.*s%.*s] ", (int)full,
	    "####################", (int)(BAR_LEN - full),
	    "                    ");
}

static size_t
columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20
	    ? w.ws_col
	    : 80;
}

static void
compose(char *out, size_t cap)
{
	char a[32], b[32];
	size_t n = 0;

	out[0] = '\0';
	if (p.total > 0) {
		n = bar(out, cap, p.done, p.total);
		n += (size_t)snprintf(
		    out + n, cap - n, "%zu of %zu  ", p.done, p.total);
	} else if (p.length > 0) {
		n = bar(out, cap, p.bytes, p.length);
	}
	if (p.url[0] == '\0')
		return;
	if (p.bytes == 0) {
		snprintf(out + n, cap - n, "asking %s", p.url);
		return;
	}
	show_bytes(a, sizeof(a), p.bytes);
	show_bytes(b, sizeof(b), p.length);
	snprintf(out + n, cap - n, "%s%s%s  %s", a, p.length > 0 ? " of " : "",
	    p.length > 0 ? b : "", p.url);
}

/* The lock is held. */
static void
draw(void)
{
	char line[512];
	uint64_t now = cli_mono_ms();

	if (!p.on || now - p.began_ms < PATIENCE_MS ||
	    now - p.drawn_ms < EVERY_MS)
		return;
	p.drawn_ms = now;
	compose(line, sizeof(line));
	print_plain(line);
	wipe();
	if (line[0] == '\0')
		return;
	fprintf(stderr, "%.*s", (int)columns() - 1, line);
	fflush(stderr);
	p.shown = true;
}

void
progress_count(size_t done, size_t total)
{
	pthread_mutex_lock(&p.lock);
	p.done = done;
	p.total = total;
	draw();
	pthread_mutex_unlock(&p.lock);
}

void
progress_download(const char *url, uint64_t bytes, uint64_t total)
{
	pthread_mutex_lock(&p.lock);
	snprintf(p.url, sizeof(p.url), "%s", url != NULL ? url : "");
	p.bytes = bytes;
	p.length = total;
	draw();
	pthread_mutex_unlock(&p.lock);
}

void
progress_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	struct timespec until;
	bool on;

	pthread_mutex_lock(&p.lock);
	draw();
	on = p.on;
	pthread_mutex_unlock(&p.lock);
	if (!on) {
		pthread_cond_wait(cond, lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += EVERY_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until);
}

void
progress_clear(void)
{
	pthread_mutex_lock(&p.lock);
	wipe();
	p.drawn_ms = 0;
	pthread_mutex_unlock(&p.lock);
}
