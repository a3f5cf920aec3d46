/* engine_report: see the header. */
#include "gateway/rest/engine_report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/observe/histogram.h"
#include "gateway/observe/number.h"
#include "gateway/observe/prometheus.h"
#include "revcheck/revcheck.h"

#define COUNT(member, words)                                             \
	{                                                                \
		.json = #member, .metric = "revcheck_" #member "_total", \
		.help = words,                                           \
		.offset = offsetof(struct revcheck_stats, member)        \
	}
#define LABELLED(member, name, label_, words)                     \
	{                                                         \
		.json = #member, .metric = name, .label = label_, \
		.help = words,                                    \
		.offset = offsetof(struct revcheck_stats, member) \
	}
#define GAUGE(member, name, words)                                \
	{                                                         \
		.json = #member, .metric = name, .help = words,   \
		.type = NUMBER_GAUGE,                             \
		.offset = offsetof(struct revcheck_stats, member) \
	}
#define SHARED                                                           \
	"CRLs that engines share: pointers that were newer, bytes that " \
	"were taken, missing or refused, bytes that were put there."
#define CLAIMS "Asked whether another engine fetches already, by the answer."
static const struct number engine_numbers[] = {
    COUNT(checks, "Questions asked."),
    COUNT(checks_cached, "Questions answered without waiting."),
    COUNT(soft_accepts, "Undetermined chains let in by SOFT_FAIL."),
    COUNT(soft_kept,
	"Undetermined chains of who is in already, asked about "
	"again and kept by SOFT_FAIL."),
    COUNT(shadow_refusals, "What HARD_FAIL would have refused."),
    LABELLED(hits, "revcheck_memory_lookups_total", "result=\"hit\"",
	"Evidence looked up in memory, by what came of it."),
    LABELLED(misses, "revcheck_memory_lookups_total", "result=\"miss\"",
	"Evidence looked up in memory, by what came of it."),
    COUNT(disk_hits, "Evidence found on disk."),
    LABELLED(disk_lost, "revcheck_disk_writes_lost_total", NULL,
	"Writes of evidence to disk that were given up."),
    COUNT(number_restarts, "CRLs that count anew, below one that ran out."),
    LABELLED(
	shared_pointers, "revcheck_shared_total", "result=\"pointer\"", SHARED),
    LABELLED(shared_blobs, "revcheck_shared_total", "result=\"blob\"", SHARED),
    LABELLED(
	shared_missing, "revcheck_shared_total", "result=\"miss\"", SHARED),
    LABELLED(
	shared_refused, "revcheck_shared_total", "result=\"refused\"", SHARED),
    LABELLED(shared_puts, "revcheck_shared_total", "result=\"put\"", SHARED),
    LABELLED(shared_puts_failed, "revcheck_shared_total",
	"result=\"put_failed\"", SHARED),
    LABELLED(claims_won, "revcheck_claims_total", "result=\"won\"", CLAIMS),
    LABELLED(claims_taken, "revcheck_claims_total", "result=\"taken\"", CLAIMS),
    LABELLED(
	claims_backoff, "revcheck_claims_total", "result=\"backoff\"", CLAIMS),
    LABELLED(claims_away, "revcheck_claims_total", "result=\"away\"", CLAIMS),
    COUNT(told_revoked, "Revocations that another engine told of."),
    GAUGE(known_revoked, "revcheck_known_revoked",
	"Certificates that were found revoked and are remembered."),
    COUNT(fetches, "Fetches started."),
    LABELLED(fetches_304, "revcheck_fetches_not_modified_total", NULL,
	"Fetches answered with 304."),
    COUNT(fetched_bytes, "Bytes fetched."),
    LABELLED(joins, "revcheck_fetch_joins_total", NULL,
	"Questions that joined a running fetch."),
    COUNT(evictions, "Evidence dropped for lack of room."),
    COUNT(refreshes, "Evidence refreshed before it ran out."),
    GAUGE(pending, "revcheck_checks_pending", "Questions waiting now."),
    GAUGE(
	entries, "revcheck_evidence_entries", "CRLs and OCSP responses kept."),
    GAUGE(bytes, "revcheck_evidence_bytes", "Bytes of evidence kept."),
    GAUGE(disk_bytes, "revcheck_disk_bytes", "Bytes of evidence on disk."),
};
#undef COUNT
#undef LABELLED
#undef GAUGE

#define FAILURE(name)                                                      \
	{                                                                  \
		.json = #name, .metric = "revcheck_fetch_failures_total",  \
		.label = "reason=\"" #name "\"",                           \
		.help = "Fetches that brought nothing usable, by reason.", \
		.offset = offsetof(struct revcheck_stats, fail_##name)     \
	}
static const struct number failure_numbers[] = {FAILURE(unreachable),
    FAILURE(deadline), FAILURE(http), FAILURE(malformed), FAILURE(forged),
    FAILURE(stale), FAILURE(older), FAILURE(too_large), FAILURE(refused),
    FAILURE(backoff)};
#undef FAILURE

/* CRLs that are kept: one walk for each metric, so that its lines stand
 * together. */
struct kept {
	struct prometheus *t;
	const struct kept_metric *metric;
	unsigned num;
};

struct kept_metric {
	const char *name, *help;
	/* Below zero: there is none. */
	double (*get)(const struct revcheck_cache_item *item);
};

#define MAX_KEPT 1000 /* lines of each kind */

static double
this_update(const struct revcheck_cache_item *item)
{
	return (double)item->this_update;
}

static double
next_update(const struct revcheck_cache_item *item)
{
	return item->next_update != 0 ? (double)item->next_update : -1;
}

static const struct kept_metric kept_metrics[] = {
    {"revcheck_crl_this_update_timestamp_seconds",
	"thisUpdate of a CRL, seconds since 1970.", this_update},
    {"revcheck_crl_next_update_timestamp_seconds",
	"nextUpdate of a CRL, seconds since 1970.", next_update},
};

static int
put_kept(void *arg, const struct revcheck_cache_item *item)
{
	struct kept *k = arg;
	char url[2 * sizeof(item->url)], issuer[2 * sizeof(item->issuer)];

	/* Without a date: a file that holds no CRL. */
	if (item->kind != REVCHECK_EVIDENCE_CRL || item->this_update == 0 ||
	    k->metric->get(item) < 0)
		return 0;
	prometheus_label(url, sizeof(url), item->url);
	prometheus_label(issuer, sizeof(issuer), item->issuer);
	prometheus_put(k->t,
	    "%s{issuer=\"%s\",url=\"%s\",key=\"%.16s\"} %.0f\n",
	    k->metric->name, issuer, url, item->key, k->metric->get(item));
	return ++k->num < MAX_KEPT ? 0 : 1;
}

static void
put_crls(struct prometheus *t, struct revcheck *rc)
{
	for (size_t i = 0; i < sizeof(kept_metrics) / sizeof(kept_metrics[0]);
	     i++) {
		struct kept k = {.t = t, .metric = &kept_metrics[i]};

		prometheus_head(t, k.metric->name, "gauge", k.metric->help);
		revcheck_archive_list(rc, put_kept, &k);
	}
}

/* Sources: one walk for each metric, those that fail first. */
struct sources {
	struct prometheus *t;
	const char *name;
	bool failing; /* else: those that do not fail */
	bool success; /* the last one; else failures in a row */
	unsigned num;
};

static int
put_source(void *arg, const struct revcheck_source_item *item)
{
	struct sources *s = arg;
	char url[512]; /* what is longer is cut */

	if ((item->failures > 0) != s->failing ||
	    item->source == REVCHECK_SOURCE_FILE ||
	    (s->success && item->last_success == 0))
		return 0;
	prometheus_label(url, sizeof(url), item->url);
	prometheus_put(s->t, "%s{kind=\"%s\",url=\"%s\"} %.0f\n", s->name,
	    item->kind == REVCHECK_EVIDENCE_CRL ? "crl" : "ocsp", url,
	    s->success ? (double)item->last_success : item->failures);
	return ++s->num < MAX_KEPT ? 0 : 1;
}

static void
put_sources(struct prometheus *t, struct revcheck *rc, const char *name,
    const char *help, bool success)
{
	struct sources s = {.t = t, .name = name, .success = success};

	prometheus_head(t, name, "gauge", help);
	s.failing = true;
	revcheck_archive_sources(rc, put_source, &s);
	s.failing = false;
	if (s.num < MAX_KEPT)
		revcheck_archive_sources(rc, put_source, &s);
}

/* How long transfers took, as the engine counts them. */
static void
put_fetch_times(struct prometheus *t, const struct revcheck_stats *stats)
{
	static const uint32_t bounds_ms[] = REVCHECK_FETCH_TIME_BOUNDS_MS;
	double bounds[REVCHECK_NUM_FETCH_TIMES - 1];
	struct histogram_lines l = {.name = "revcheck_fetch_duration_seconds",
	    .bounds = bounds,
	    .num_bounds = REVCHECK_NUM_FETCH_TIMES - 1};

	for (size_t i = 0; i < l.num_bounds; i++)
		bounds[i] = bounds_ms[i] / 1e3;
	prometheus_head(t, l.name, "histogram",
	    "Time of each transfer, whatever came of it, by kind.");
	l.label = "kind=\"crl\"";
	l.num = stats->crl_fetch_times;
	l.sum_sec = (double)stats->crl_fetch_ms / 1e3;
	histogram_put(t, &l);
	l.label = "kind=\"ocsp\"";
	l.num = stats->ocsp_fetch_times;
	l.sum_sec = (double)stats->ocsp_fetch_ms / 1e3;
	histogram_put(t, &l);
}

void
engine_report_metrics(struct prometheus *t, struct revcheck *rc)
{
	struct revcheck_stats stats = {.size = sizeof(stats)};

	revcheck_get_stats(rc, &stats);
	NUMBER_PUT(t, engine_numbers, &stats);
	NUMBER_PUT(t, failure_numbers, &stats);
	put_fetch_times(t, &stats);
	put_crls(t, rc);
	put_sources(t, rc, "revcheck_source_failures",
	    "Attempts in a row that failed, of each URL that is fetched from.",
	    false);
	put_sources(t, rc, "revcheck_source_last_success_timestamp_seconds",
	    "When a URL last gave what is authentic, seconds since 1970.",
	    true);
}

void
engine_report_add(cJSON *o, struct revcheck *rc)
{
	struct revcheck_stats stats = {.size = sizeof(stats)};

	revcheck_get_stats(rc, &stats);
	NUMBER_ADD(o, engine_numbers, &stats);
	NUMBER_ADD(cJSON_AddObjectToObject(o, "fetchFailures"), failure_numbers,
	    &stats);
}
