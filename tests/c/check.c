#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"

#include <sys/mman.h>
#include <unistd.h>

gocluster_error last_error;

int run_tests(const test *tests, int count, int argc, char **argv)
{
    int i;
    if (argc < 2) {
        for (i = 0; i < count; i++)
            puts(tests[i].name);
        return 0;
    }
    for (i = 0; i < count; i++) {
        if (strcmp(tests[i].name, argv[1]) == 0) {
            alarm(240); /* a hang is a failure with a name, too */
            tests[i].run();
            return 0;
        }
    }
    fprintf(stderr, "no test %s\n", argv[1]);
    return 2;
}

void fail_at(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    _exit(1);
}

void skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    _exit(77);
}

void expect_at(const char *file, int line, const char *call, int32_t code, int32_t want, const char *argument)
{
    if (code != want) {
        fprintf(stderr, "%s:%d: %s\n  gives %s, not %s (last error: %s: %s)\n", file, line, call,
                gocluster_error_name(code), gocluster_error_name(want), last_error.argument, last_error.message);
        _exit(1);
    }
    if (argument != NULL && (last_error.code != code || strcmp(last_error.argument, argument) != 0)) {
        fprintf(stderr, "%s:%d: %s\n  names \"%s\", not \"%s\": %s\n", file, line, call, last_error.argument, argument,
                last_error.message);
        _exit(1);
    }
    if (code < 0 && argument != NULL && last_error.message[0] == 0)
        fail_at(file, line, "the message is empty");
}

static size_t pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

void *guarded(size_t size, int at_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = pages(size + 8);
    char *memory = (char *)mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(mprotect(memory + page, room, PROT_READ | PROT_WRITE) == 0);
    return at_end ? memory + page + room - (size + 7) / 8 * 8 : memory + page;
}

void forbid_writing(void *memory, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *first = (char *)memory - (size_t)memory % page;
    CHECK(mprotect(first, pages((size_t)((char *)memory + size - first)), PROT_READ) == 0);
}

/* A generator of our own, so that all machines test the same data. */
static uint64_t state = 88172645463325252u;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

void two_clouds(double *X, int64_t *y, int64_t rows, int64_t columns, int64_t first_label, int64_t second_label)
{
    int64_t i, j;
    state = 88172645463325252u;
    for (i = 0; i < rows; i++) {
        y[i] = i % 2 ? second_label : first_label;
        for (j = 0; j < columns; j++)
            X[i * columns + j] = uniform() + uniform() + (i % 2 ? 0.5 : 0);
    }
}

void noise(double *X, int64_t *y, int64_t rows, int64_t columns)
{
    int64_t i;
    for (i = 0; i < rows * columns; i++)
        X[i] = uniform();
    for (i = 0; i < rows; i++)
        y[i] = uniform() < 0.5;
}

gocluster_svc_params svc_params(double gamma)
{
    gocluster_svc_params params;
    EXPECT_OK(gocluster_svc_params_init(&params, sizeof params, &last_error));
    params.gamma = gamma;
    return params;
}

problem small_problem(void)
{
    static double X[200 * 3];
    static int64_t y[200];
    problem p;
    two_clouds(X, y, 200, 3, 4, -1);
    p.X = gocluster_matrix(X, GOCLUSTER_F64, 200, 3);
    p.y = gocluster_vector(y, GOCLUSTER_I64, 200);
    p.params = svc_params(0.7);
    return p;
}

gocluster_svc fitted(const problem *p)
{
    gocluster_svc model;
    EXPECT_OK(gocluster_svc_fit(&p->params, &p->X, &p->y, NULL, NULL, &model, &last_error));
    return model;
}

problem long_problem(void)
{
    enum { rows = 12000, columns = 20 };
    static double X[rows * columns];
    static int64_t y[rows];
    problem p;
    noise(X, y, rows, columns);
    p.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
    p.y = gocluster_vector(y, GOCLUSTER_I64, rows);
    p.params = svc_params(0.5);
    p.params.C = 1e5;
    p.params.tol = 1e-8;
    return p;
}
