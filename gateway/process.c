/*
 * process: signals, limits, privileges. Main thread.
 */
#include "gateway/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

/* libevent's messages have no argument to carry a log. */
static const struct log *event_log;

static void
on_event_log(int severity, const char *msg)
{
	enum log_level level = severity == EVENT_LOG_ERR ? LOG_LEVEL_ERROR
	    : severity == EVENT_LOG_WARN                 ? LOG_LEVEL_WARN
							 : LOG_LEVEL_DEBUG;

	log_line(event_log, level, "libevent: %s", msg);
}

void
process_prepare(const struct log *log)
{
	struct rlimit rl;

	signal(SIGPIPE, SIG_IGN);
	/* A file that may not grow is an error of write, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	event_log = log;
	event_set_log_callback(on_event_log);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
			log_line(log, LOG_LEVEL_WARN,
			    "cannot raise the limit of open files: %s",
			    strerror(errno));
	}
}

int
process_drop_privileges(const struct conf *conf, struct err *err)
{
	const struct passwd *pw;
	const struct group *gr = NULL;
	gid_t gid;

	if (conf->user == NULL)
		return 0;
	pw = getpwnam(conf->user);
	if (pw == NULL)
		return err_set(err, E_PARSE,
		    "%s: $.user is '%s': expected a user of this system",
		    conf->file, conf->user);
	gid = pw->pw_gid;
	if (conf->group != NULL) {
		gr = getgrnam(conf->group);
		if (gr == NULL)
			return err_set(err, E_PARSE,
			    "%s: $.group is '%s': expected a group of this "
			    "system",
			    conf->file, conf->group);
		gid = gr->gr_gid;
	}
	if (getuid() == pw->pw_uid && getgid() == gid)
		return 0;
	if (initgroups(conf->user, gid) != 0 || setgid(gid) != 0 ||
	    setuid(pw->pw_uid) != 0)
		return err_sys(err, "cannot become user '%s'", conf->user);
	if (setuid(0) == 0)
		return err_set(err, E_INTERNAL,
		    "privileges could be taken back after they were dropped");
	return 0;
}
