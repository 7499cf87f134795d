/* What the tests share. A test program is run once for every test, by name, so that a
 * crash has a name and tests cannot disturb each other:
 *
 *     PROGRAM         lists its tests
 *     PROGRAM NAME    runs one; exit status 0: passed, 77: not possible on this machine
 */
#ifndef CHECK_H
#define CHECK_H

#include <gocluster.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test {
    const char *name;
    void (*run)(void);
} test;

/* Ends a table of tests: main lists or runs them. */
int run_tests(const test *tests, int count, int argc, char **argv);
#define TEST(name) {#name, name}
#define MAIN(tests) \
    int main(int argc, char **argv) { return run_tests(tests, (int)(sizeof tests / sizeof *tests), argc, argv); }

void fail_at(const char *file, int line, const char *text);
void skip(const char *why);

#define CHECK(condition) \
    do { if (!(condition)) fail_at(__FILE__, __LINE__, #condition); } while (0)

/* Checks a returned code. The error of the last call is in last_error, for all calls that are given &last_error. */
extern gocluster_error last_error;
void expect_at(const char *file, int line, const char *call, int32_t code, int32_t want, const char *argument);
#define EXPECT(want, call) expect_at(__FILE__, __LINE__, #call, call, want, NULL)
#define EXPECT_OK(call) EXPECT(GOCLUSTER_OK, call)
/* The same, and the argument that the error names. */
#define REFUSED(want, argument, call) expect_at(__FILE__, __LINE__, #call, call, want, argument)

/* Memory between two pages that nobody may touch. It ends exactly at the second one
 * (or begins exactly after the first one), as far as the alignment to 8 bytes allows. */
void *guarded(size_t size, int at_end);

/* Makes the pages of guarded memory read-only. */
void forbid_writing(void *memory, size_t size);

/* Rows around two centres; labels alternate between the two. */
void two_clouds(double *X, int64_t *y, int64_t rows, int64_t columns, int64_t first_label, int64_t second_label);
/* Labels without relation to X: with a large C the fit takes long. */
void noise(double *X, int64_t *y, int64_t rows, int64_t columns);

gocluster_svc_params svc_params(double gamma);

/* Arrays over static memory: a small problem with 200 rows, 3 columns and labels -1 and 4. */
typedef struct problem {
    gocluster_array X, y;
    gocluster_svc_params params;
} problem;
problem small_problem(void);
gocluster_svc fitted(const problem *p);

/* A fit that takes many seconds unless it is cancelled. */
problem long_problem(void);

#endif
