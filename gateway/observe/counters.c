/* counters: the names and words of what is counted. */
#include "gateway/observe/counters.h"

#define AT(id) .offset = COUNTER_##id * sizeof(uint64_t)

const struct number counter_numbers[NUM_COUNTERS] = {
#define COUNTER_ROW(id, kind, name, metric_, label_, words_, help_) \
	{.json = name,                                              \
	    .metric = "p2p_gateway_" metric_,                       \
	    .label = label_,                                        \
	    .words = words_,                                        \
	    .help = help_,                                          \
	    .type = NUMBER_##kind,                                  \
	    AT(id)},
    COUNTERS_LIST(COUNTER_ROW)
#undef COUNTER_ROW
#define COUNTER_ROW(status, name)                                   \
	{.json = "http_answers_" name,                              \
	    .metric = "p2p_gateway_http_answers_total",             \
	    .label = "class=\"" name "\"",                          \
	    .words = "answers of the node, " name,                  \
	    .help = "answers of the node to requests, by class of " \
		    "status",                                       \
	    AT(HTTP_NODE_##status)},
	COUNTER_HTTP_ANSWERS(COUNTER_ROW)
#undef COUNTER_ROW
#define COUNTER_ROW(status, words_)                                    \
	{.json = "http_refused_" #status,                              \
	    .metric = "p2p_gateway_http_refused_total",                \
	    .label = "status=\"" #status "\"",                         \
	    .words = "requests refused with " #status ": " words_,     \
	    .help = "requests the gateway itself answered, by status", \
	    AT(HTTP_##status)},
	    COUNTER_HTTP_REFUSALS(COUNTER_ROW)
#undef COUNTER_ROW
};
