/* What happens to the process around the library: fork, no memory, no executable memory. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs body in a forked child and returns its exit status. */
static int in_child(int (*body)(void))
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(30);
        _exit(body());
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static problem shared;
static gocluster_svc shared_model;

/* Every function that could hang instead says that the process was forked; returns how many do not. */
static int all_are_refused(void)
{
    gocluster_job job = {1};
    gocluster_queue queue = {1};
    int64_t task;
    gocluster_svc model = {1};
    gocluster_svc_params params;
    gocluster_svc_shape shape;
    gocluster_array array;
    gocluster_error err;
    int wrong = 0;
    memset(&err, 0, sizeof err);
#define FORKED(call) wrong += (call) != GOCLUSTER_ERROR_FORKED || err.code != GOCLUSTER_ERROR_FORKED || !*err.message; err.code = 0
    wrong += gocluster_get_num_threads() != GOCLUSTER_ERROR_FORKED;
    wrong += gocluster_set_num_threads(2) != GOCLUSTER_ERROR_FORKED;
    FORKED(gocluster_job_wait(job, -1, NULL, &err));
    FORKED(gocluster_job_cancel(job, &err));
    FORKED(gocluster_job_free(job, &err));
    FORKED(gocluster_queue_new(0, &queue, &err));
    FORKED(gocluster_queue_push(queue, 1, &err));
    FORKED(gocluster_queue_next(queue, &task, &err));
    FORKED(gocluster_queue_free(queue, &err));
    FORKED(gocluster_svc_params_init(&params, sizeof params, &err));
    FORKED(gocluster_svc_fit_start(&shared.params, &shared.X, &shared.y, NULL, NULL, &job, &err));
    FORKED(gocluster_svc_fit_result(job, &model, &err));
    FORKED(gocluster_svc_get_shape(model, &shape, &err));
    FORKED(gocluster_svc_get(shared_model, GOCLUSTER_SVC_INTERCEPT, &shared.X, &err));
    FORKED(gocluster_svc_from_arrays(&shared.params, &shared.y, &shared.y, &shared.X, &shared.X, &shared.y, NULL, NULL, &model,
                                     &err));
    FORKED(gocluster_svc_decision_function_start(shared_model, &shared.X, &shared.y, &job, &err));
    FORKED(gocluster_svc_predict_start(shared_model, &shared.X, &shared.y, &job, &err));
    FORKED(gocluster_svc_predict_proba_start(shared_model, &shared.X, &shared.y, &job, &err));
    FORKED(gocluster_svc_free(shared_model, &err));
    FORKED(gocluster_npy_info("x.npy", &array, &err));
    FORKED(gocluster_npy_read("x.npy", 0, &shared.X, &err));
    wrong += gocluster_svc_fit(&shared.params, &shared.X, &shared.y, NULL, NULL, &model, NULL) != GOCLUSTER_ERROR_FORKED;
    /* These are promised to work. */
    wrong += gocluster_abi_version() != GOCLUSTER_ABI_VERSION || gocluster_abi_minor() != GOCLUSTER_ABI_MINOR;
    wrong += strcmp(gocluster_error_name(GOCLUSTER_ERROR_FORKED), "GOCLUSTER_ERROR_FORKED") != 0;
    return wrong;
}

static int grandchild_is_refused(void)
{
    return all_are_refused() + in_child(all_are_refused);
}

static void a_forked_child_is_refused(void)
{
    problem p = long_problem();
    gocluster_job job;
    int round;
    shared = small_problem();
    shared_model = fitted(&shared);
    CHECK(in_child(all_are_refused) == 0);
    /* Also while the parent's threads are at work. */
    EXPECT_OK(gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, &job, &last_error));
    for (round = 0; round < 20; round++)
        CHECK(in_child(all_are_refused) == 0);
    EXPECT_OK(gocluster_job_free(job, &last_error));
    EXPECT_OK(gocluster_svc_predict(shared_model, &shared.X, &shared.y, &last_error)); /* the parent goes on */
}

static void a_child_of_a_forked_child_is_refused(void)
{
    shared = small_problem();
    shared_model = fitted(&shared);
    CHECK(in_child(grandchild_is_refused) == 0);
}

/* ---- no memory ---- */

static long mapped_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void no_memory_is_an_error(void)
{
    enum { rows = 1000000, columns = 40 };
    problem p = small_problem(), small = p;
    gocluster_svc model = fitted(&p); /* the threads and the pool exist before the limit comes */
    double *X = (double *)calloc(rows * columns, sizeof *X);
    int64_t *y = (int64_t *)calloc(rows, sizeof *y), i;
    struct rlimit limit;
    CHECK(X != NULL && y != NULL);
    for (i = 0; i < rows; i++) {
        y[i] = i & 1;
        X[i * columns] = (double)(i & 1023);
    }
    limit.rlim_cur = limit.rlim_max = (rlim_t)mapped_bytes() + ((rlim_t)96 << 20); /* X packed as float32 takes 160 MB */
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    p.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
    p.y = gocluster_vector(y, GOCLUSTER_I64, rows);
    EXPECT(GOCLUSTER_ERROR_MEMORY, gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, NULL, &model, &last_error));
    EXPECT(GOCLUSTER_ERROR_MEMORY, gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, NULL, &model, &last_error));
    /* And the library goes on. */
    model = fitted(&small);
    EXPECT_OK(gocluster_svc_predict(model, &small.X, &small.y, &last_error));
}

/* ---- memory that may be written may not be executed ---- */

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

/* systemd's MemoryDenyWriteExecute is this filter. */
static int deny_by_filter(void)
{
#if defined(__x86_64__)
    enum { prot = offsetof(struct seccomp_data, args) + 2 * 8, both = PROT_WRITE | PROT_EXEC };
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 2, 0, SYS_mmap},
        {BPF_JMP | BPF_JEQ | BPF_K, 5, 0, SYS_mprotect},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, prot}, /* mmap: both */
        {BPF_ALU | BPF_AND | BPF_K, 0, 0, both},
        {BPF_JMP | BPF_JEQ | BPF_K, 4, 0, both},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, prot}, /* mprotect: executable at all */
        {BPF_JMP | BPF_JSET | BPF_K, 1, 0, PROT_EXEC},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
#else
    return 0;
#endif
}

static void executable_memory_is_not_needed(void)
{
    problem p;
    void *probe;
    if (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0 && !deny_by_filter())
        skip("the kernel has neither PR_SET_MDWE nor seccomp filters");
    probe = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(probe == MAP_FAILED); /* the ban is in force */
    /* Where the library is opened with dlopen, loading it is under the ban, too. */
    p = small_problem();
    EXPECT_OK(gocluster_svc_predict(fitted(&p), &p.X, &p.y, &last_error));
}

/* ---- signals ---- */

static volatile sig_atomic_t received;

static void receive(int number)
{
    received = number;
}

static void signal_handlers_of_the_host_stay(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGALRM};
    size_t i;
    problem p = small_problem();
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK(signal(numbers[i], receive) != SIG_ERR);
    gocluster_svc_free(fitted(&p), NULL);
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        received = 0;
        raise(numbers[i]);
        CHECK(received == numbers[i]);
    }
}

static const test tests[] = {
    TEST(a_forked_child_is_refused),
    TEST(a_child_of_a_forked_child_is_refused),
    TEST(no_memory_is_an_error),
    TEST(executable_memory_is_not_needed),
    TEST(signal_handlers_of_the_host_stay),
};

MAIN(tests)
