/*
 * doorman_watch: see the header. libcurl's multi interface, because it can be
 * woken; the state is under a lock, everything else is the thread's.
 */
#include "gateway/doorman/doorman_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cache/base/clock.h"
#include "cache/base/log.h"
#include "cache/base/thread.h"
#include "gateway/conf/conf.h"

/* A doorman's metrics have 10 KB. */
#define ANSWER_MAX  (256 * 1024)
#define WAKE_MAX_MS 1000

struct answer {
	char text[ANSWER_MAX + 1];
	size_t len;
	bool too_long;
};

struct doorman_watch {
	const struct log *log;
	char *url; /* without a '/' at its end */
	char *ca_file;
	uint32_t interval_ms, timeout_ms;
	CURLM *multi;
	CURL *easy;
	struct answer answer; /* the last one */
	atomic_bool stopping;
	bool started;
	pthread_t thread;
	pthread_mutex_t lock; /* guards `state` */
	struct doorman_state state;
};

static size_t
on_body(char *data, size_t size, size_t num, void *arg)
{
	struct answer *a = arg;
	size_t len = size * num;

	if (len > ANSWER_MAX - a->len) {
		a->too_long = true;
		return 0;
	}
	memcpy(a->text + a->len, data, len);
	a->len += len;
	a->text[a->len] = '\0';
	return len;
}

/* Until the transfer is over. */
static CURLcode
transfer(struct doorman_watch *w)
{
	CURLcode rc = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;
	CURLMsg *m;

	if (curl_multi_add_handle(w->multi, w->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (running > 0 && !atomic_load(&w->stopping)) {
		if (curl_multi_perform(w->multi, &running) != CURLM_OK)
			break;
		if (running > 0)
			(void)curl_multi_poll(
			    w->multi, NULL, 0, WAKE_MAX_MS, NULL);
	}
	while ((m = curl_multi_info_read(w->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE)
			rc = m->data.result;
	(void)curl_multi_remove_handle(w->multi, w->easy);
	return rc;
}

/* The status of the answer; 0: there is none, and state says why. */
static long
ask(struct doorman_watch *w, const char *path, struct doorman_state *s)
{
	char url[CONF_URL_MAX + 16], why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode rc;

	snprintf(url, sizeof(url), "%s%s", w->url, path);
	w->answer.len = 0;
	w->answer.text[0] = '\0';
	w->answer.too_long = false;
	if (curl_easy_setopt(w->easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, why) != CURLE_OK) {
		snprintf(s->error, sizeof(s->error), "out of memory");
		return 0;
	}
	rc = transfer(w);
	(void)curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, NULL);
	if (rc == CURLE_OK)
		(void)curl_easy_getinfo(
		    w->easy, CURLINFO_RESPONSE_CODE, &status);
	else if (w->answer.too_long)
		snprintf(s->error, sizeof(s->error),
		    "%s: the answer has more than %d bytes", path, ANSWER_MAX);
	else
		snprintf(s->error, sizeof(s->error), "%s: %.200s", path,
		    why[0] != '\0' ? why : curl_easy_strerror(rc));
	return status;
}

static void
unexpected(struct doorman_state *s, const char *path, long status)
{
	if (status != 0)
		snprintf(s->error, sizeof(s->error),
		    "%s: status %ld where a doorman's was expected", path,
		    status);
}

/* Both answers, or error says what is wrong. */
static bool
learn(struct doorman_watch *w, struct doorman_state *s)
{
	struct doorman_facts facts = {.ready = false};
	long status = ask(w, "/readyz", s);

	if (status != 200 && status != 503) {
		unexpected(s, "/readyz", status);
		return false;
	}
	doorman_read_readiness(&facts, status == 200, w->answer.text);
	status = ask(w, "/metrics", s);
	if (status != 200) {
		unexpected(s, "/metrics", status);
		return false;
	}
	if (!doorman_read_metrics(&facts, w->answer.text, time(NULL))) {
		snprintf(s->error, sizeof(s->error),
		    "/metrics: these are no metrics of a doorman");
		return false;
	}
	s->facts = facts;
	return true;
}

static void
say(const struct doorman_watch *w, const struct doorman_state *was,
    const struct doorman_state *is)
{
	if (is->silent_since != 0 && was->silent_since == 0)
		log_line(w->log, LOG_LEVEL_WARN,
		    "the doorman does not answer: %s (url='%s')", is->error,
		    w->url);
	else if (is->silent_since == 0 &&
	    (was->silent_since != 0 || was->asked_at == 0))
		log_line(w->log, LOG_LEVEL_INFO,
		    "the doorman answers (url='%s' version=%s)", w->url,
		    is->facts.version);
}

static void
ask_once(struct doorman_watch *w)
{
	struct doorman_state was, is;

	doorman_watch_get(w, &was);
	is = was;
	is.asked_at = time(NULL);
	is.error[0] = '\0';
	if (learn(w, &is)) {
		is.answered_at = is.asked_at;
		is.silent_since = 0;
	} else if (is.silent_since == 0) {
		is.silent_since = is.asked_at;
	}
	if (atomic_load(&w->stopping))
		return;
	pthread_mutex_lock(&w->lock);
	w->state = is;
	pthread_mutex_unlock(&w->lock);
	say(w, &was, &is);
}

static void *
run(void *arg)
{
	struct doorman_watch *w = arg;

	while (!atomic_load(&w->stopping)) {
		uint64_t until = clock_mono_ms() + w->interval_ms, now;

		ask_once(w);
		while (!atomic_load(&w->stopping) &&
		    (now = clock_mono_ms()) < until)
			(void)curl_multi_poll(
			    w->multi, NULL, 0, (int)(until - now), NULL);
	}
	return NULL;
}

static bool
set_options(struct doorman_watch *w)
{
	CURL *e = w->easy;
	CURLcode rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");

	rc |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	rc |= curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
	rc |=
	    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)w->timeout_ms);
	rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)w->timeout_ms);
	rc |= curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	rc |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	rc |= curl_easy_setopt(e, CURLOPT_USERAGENT, "p2p-gateway");
	rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, &w->answer);
	if (w->ca_file != NULL) {
		rc |= curl_easy_setopt(e, CURLOPT_CAINFO, w->ca_file);
		rc |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	return rc == CURLE_OK;
}

static bool
watch_start(struct doorman_watch *w)
{
	w->started = thread_start(&w->thread, run, w) == 0;
	return w->started;
}

int
doorman_watch_new(struct doorman_watch **out, const struct conf_doorman *conf,
    const struct log *log, struct err *err)
{
	struct doorman_watch *w = calloc(1, sizeof(*w));
	size_t len;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_init(&w->lock, NULL);
	w->log = log;
	w->interval_ms = conf->interval_ms;
	w->timeout_ms = conf->timeout_ms;
	w->url = strdup(conf->status_url);
	len = w->url != NULL ? strlen(w->url) : 0;
	if (len > 0 && w->url[len - 1] == '/')
		w->url[len - 1] = '\0';
	if (conf->ca_file != NULL)
		w->ca_file = strdup(conf->ca_file);
	w->multi = curl_multi_init();
	w->easy = curl_easy_init();
	if (w->url == NULL || (conf->ca_file != NULL && w->ca_file == NULL) ||
	    w->multi == NULL || w->easy == NULL || !set_options(w) ||
	    !watch_start(w)) {
		doorman_watch_free(w);
		return err_set(err, E_NOMEM, "cannot watch the doorman");
	}
	*out = w;
	return 0;
}

void
doorman_watch_free(struct doorman_watch *w)
{
	if (w == NULL)
		return;
	atomic_store(&w->stopping, true);
	if (w->started) {
		(void)curl_multi_wakeup(w->multi);
		pthread_join(w->thread, NULL);
	}
	curl_easy_cleanup(w->easy);
	if (w->multi != NULL)
		curl_multi_cleanup(w->multi);
	pthread_mutex_destroy(&w->lock);
	free(w->url);
	free(w->ca_file);
	free(w);
}

void
doorman_watch_get(struct doorman_watch *w, struct doorman_state *out)
{
	pthread_mutex_lock(&w->lock);
	*out = w->state;
	pthread_mutex_unlock(&w->lock);
}

const char *
doorman_watch_url(const struct doorman_watch *w)
{
	return w->url;
}
