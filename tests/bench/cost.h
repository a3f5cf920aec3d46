/*
 * cost: what bench_cost counts: instructions, by callgrind, and system calls,
 * by strace. Neither depends on how busy the machine is, so each figure is
 * held against a stored one. A row is a function below that prints by
 * cost_figure; one that measures this process gives a loop to cost_loop.
 */
#ifndef TESTS_BENCH_COST_H
#define TESTS_BENCH_COST_H

#include <stdbool.h>
#include <stddef.h>

struct cost; /* the table, and what has been found outside its band */

/* Prints a figure beside the stored one. */
void cost_figure(struct cost *c, const char *name, double figure);

/* What a loop does n times; everything else must not depend on n. */
typedef void cost_loop_fn(size_t n);

/*
 * Instructions a turn of the loop named so in bench_cost.c: it runs num times
 * and 2 * num times in processes of its own, and the difference counts.
 */
double cost_loop(const char *name, size_t num);

/* What callgrind collected, by its log, and exits when it did not. */
double cost_collected(const char *log);
/* What a server is started under whose system calls are to be counted. */
extern const char *const cost_strace[];
/*
 * System calls of a server that ran so in dir, of the thread that accepts
 * connections: all of them, and in *each the median from one connection to the
 * next.
 */
double cost_calls(const char *dir, double *each);

/* ---- rows */

void cost_handshakes(struct cost *c, const char *fixtures);
void cost_relay(struct cost *c, const char *fixtures);
void cost_check(struct cost *c, const char *fixtures);
void cost_session(struct cost *c, const char *fixtures);
void cost_crl(struct cost *c, const char *fixtures);

/* ---- loops */

void cost_check_loop(size_t n);
void cost_session_again_loop(size_t n);
void cost_session_new_loop(size_t n);
void cost_crl_hash_loop(size_t n);
void cost_crl_taken_loop(size_t n);
void cost_crl_pieces_loop(size_t n);

#endif
