/* Jobs: waiting, progress, cancelling, and everything that several threads may do at once. */
#include "check.h"

#include <pthread.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static gocluster_job start(const problem *p)
{
    gocluster_job job;
    EXPECT_OK(gocluster_svc_fit_start(&p->params, &p->X, &p->y, NULL, NULL, &job, &last_error));
    return job;
}

static void waiting_has_a_limit(void)
{
    problem p = long_problem();
    gocluster_job job = start(&p);
    gocluster_svc model;
    double begin = seconds();
    EXPECT(GOCLUSTER_PENDING, gocluster_job_wait(job, 0, NULL, &last_error));
    EXPECT(GOCLUSTER_PENDING, gocluster_job_wait(job, 200, NULL, &last_error));
    CHECK(seconds() - begin >= 0.199);
    REFUSED(GOCLUSTER_ERROR_NOT_READY, "job", gocluster_svc_fit_result(job, &model, &last_error));
    EXPECT_OK(gocluster_job_free(job, &last_error));
}

static void a_cancelled_job_ends(void)
{
    problem p = long_problem();
    gocluster_job job = start(&p);
    gocluster_svc model;
    EXPECT(GOCLUSTER_PENDING, gocluster_job_wait(job, 100, NULL, &last_error));
    EXPECT_OK(gocluster_job_cancel(job, &last_error));
    REFUSED(GOCLUSTER_ERROR_CANCELLED, "", gocluster_job_wait(job, -1, NULL, &last_error));
    REFUSED(GOCLUSTER_ERROR_CANCELLED, "", gocluster_job_wait(job, 0, NULL, &last_error));
    EXPECT(GOCLUSTER_ERROR_CANCELLED, gocluster_svc_fit_result(job, &model, &last_error));
    EXPECT_OK(gocluster_job_cancel(job, &last_error));
    EXPECT_OK(gocluster_job_free(job, &last_error));
    EXPECT(GOCLUSTER_ERROR_HANDLE, gocluster_job_wait(job, -1, NULL, &last_error));
}

/* After free nothing reads X: it is unmapped at once, many times. */
static void free_waits_for_the_work(void)
{
    problem p = long_problem();
    int round;
    for (round = 0; round < 10; round++) {
        size_t size = (size_t)(p.X.shape[0] * p.X.shape[1]) * 8;
        problem q = p;
        gocluster_job job;
        q.X.data = guarded(size, 1);
        memcpy(q.X.data, p.X.data, size);
        job = start(&q);
        EXPECT(GOCLUSTER_PENDING, gocluster_job_wait(job, round * 7, NULL, &last_error));
        EXPECT_OK(gocluster_job_free(job, &last_error));
        memset(q.X.data, 0, size);
        forbid_writing(q.X.data, size);
    }
}

static void progress_never_falls(void)
{
    problem p = long_problem();
    gocluster_job job = start(&p);
    gocluster_progress last = {0, 0, 0}, now;
    double begin = seconds();
    do {
        EXPECT(GOCLUSTER_PENDING, gocluster_job_wait(job, 1, &now, &last_error));
        CHECK(now.done >= last.done && now.total >= 0);
        CHECK(now.total == 0 || now.done <= now.total);
        last = now;
    } while (seconds() - begin < 2);
    CHECK(last.done > 0 || last.metric > 0); /* something was reported */
    EXPECT_OK(gocluster_job_free(job, &last_error));
}

static void a_result_may_be_taken_twice(void)
{
    problem p = small_problem();
    gocluster_job job = start(&p);
    gocluster_svc first, second;
    EXPECT_OK(gocluster_job_wait(job, -1, NULL, &last_error));
    EXPECT_OK(gocluster_svc_fit_result(job, &first, &last_error));
    EXPECT_OK(gocluster_svc_fit_result(job, &second, &last_error));
    CHECK(first.id != second.id);
    EXPECT_OK(gocluster_job_free(job, &last_error));
    EXPECT_OK(gocluster_svc_free(first, &last_error));
    EXPECT_OK(gocluster_svc_predict(second, &p.X, &p.y, &last_error));
    EXPECT_OK(gocluster_svc_free(second, &last_error));
    EXPECT_OK(gocluster_svc_predict_start(fitted(&p), &p.X, &p.y, &job, &last_error));
    EXPECT_OK(gocluster_job_wait(job, -1, NULL, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "job", gocluster_svc_fit_result(job, &first, &last_error));
    EXPECT_OK(gocluster_job_free(job, &last_error));
}

/* ---- several threads ---- */

enum { crowd = 8 };

static void together(void *(*body)(void *), void *argument, void *results[crowd])
{
    pthread_t threads[crowd];
    int i;
    for (i = 0; i < crowd; i++)
        CHECK(pthread_create(&threads[i], NULL, body, argument) == 0);
    for (i = 0; i < crowd; i++)
        CHECK(pthread_join(threads[i], &results[i]) == 0);
}

static void *fit_alone(void *argument)
{
    const problem *p = (const problem *)argument;
    double *intercept = (double *)malloc(sizeof *intercept);
    int round;
    for (round = 0; round < 20; round++) {
        gocluster_svc model = fitted(p);
        gocluster_array out = gocluster_vector(intercept, GOCLUSTER_F64, 1);
        EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &out, NULL));
        EXPECT_OK(gocluster_svc_free(model, NULL));
    }
    return intercept;
}

static void eight_threads_fit_at_once(void)
{
    static double X[3000 * 6];
    static int64_t y[3000];
    problem p = small_problem();
    void *results[crowd];
    int i;
    two_clouds(X, y, 3000, 6, 1, 2);
    p.X = gocluster_matrix(X, GOCLUSTER_F64, 3000, 6);
    p.y = gocluster_vector(y, GOCLUSTER_I64, 3000);
    together(fit_alone, &p, results);
    for (i = 1; i < crowd; i++)
        CHECK(*(double *)results[i] == *(double *)results[0]);
}

/* The model does not depend on the number of threads, to the last bit. */
static void threads_do_not_change_the_model(void)
{
    static double X[5000 * 12];
    static int64_t y[5000];
    static const int32_t counts[] = {1, 2, 3, 8};
    static double coef[5000];
    double *first = NULL;
    int64_t support = 0;
    problem p = small_problem();
    size_t i;
    two_clouds(X, y, 5000, 12, 1, 2);
    p.X = gocluster_matrix(X, GOCLUSTER_F64, 5000, 12);
    p.y = gocluster_vector(y, GOCLUSTER_I64, 5000);
    for (i = 0; i < 4; i++) {
        gocluster_svc model;
        gocluster_svc_shape shape;
        gocluster_array out;
        CHECK(gocluster_set_num_threads(counts[i]) >= 1);
        model = fitted(&p);
        shape.struct_size = sizeof shape;
        EXPECT_OK(gocluster_svc_get_shape(model, &shape, &last_error));
        out = gocluster_matrix(coef, GOCLUSTER_F64, 1, shape.n_support_vectors);
        EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_DUAL_COEF, &out, &last_error));
        if (first == NULL) {
            support = shape.n_support_vectors;
            first = (double *)malloc((size_t)support * 8);
            memcpy(first, coef, (size_t)support * 8);
        }
        CHECK(shape.n_support_vectors == support && memcmp(first, coef, (size_t)support * 8) == 0);
    }
}

static void *free_job(void *argument)
{
    return gocluster_job_free(*(gocluster_job *)argument, NULL) == GOCLUSTER_OK ? argument : NULL;
}

static void *wait_for_job(void *argument)
{
    int32_t code = gocluster_job_wait(*(gocluster_job *)argument, -1, NULL, NULL);
    CHECK(code == GOCLUSTER_ERROR_CANCELLED || code == GOCLUSTER_ERROR_HANDLE);
    return argument;
}

static int count(void *results[crowd])
{
    int i, n = 0;
    for (i = 0; i < crowd; i++)
        n += results[i] != NULL;
    return n;
}

static void eight_threads_free_one_job(void)
{
    problem p = long_problem();
    void *results[crowd];
    int round;
    for (round = 0; round < 5; round++) {
        gocluster_job job = start(&p);
        together(free_job, &job, results);
        CHECK(count(results) == 1); /* for the others the handle is stale */
    }
}

static void *wait_or_free(void *argument)
{
    static int turn;
    return __sync_fetch_and_add(&turn, 1) % 2 ? wait_for_job(argument) : (free_job(argument), argument);
}

static void a_job_is_freed_while_others_wait(void)
{
    problem p = long_problem();
    void *results[crowd];
    int round;
    for (round = 0; round < 5; round++) {
        gocluster_job job = start(&p);
        together(wait_or_free, &job, results);
    }
}

typedef struct shared_model {
    gocluster_svc model;
    gocluster_array X;
} shared_model;

/* Every thread predicts until the model is gone; one of them frees it after a while. */
static void *predict_until_freed(void *argument)
{
    static int turn;
    shared_model *shared = (shared_model *)argument;
    int frees = __sync_fetch_and_add(&turn, 1) % crowd == 0, rounds;
    double *values = (double *)malloc((size_t)shared->X.shape[0] * 8);
    gocluster_array out = gocluster_vector(values, GOCLUSTER_F64, shared->X.shape[0]);
    for (rounds = 0;; rounds++) {
        int32_t code = gocluster_svc_decision_function(shared->model, &shared->X, &out, NULL);
        if (code == GOCLUSTER_ERROR_HANDLE)
            break;
        EXPECT_OK(code);
        if (frees && rounds == 20)
            gocluster_svc_free(shared->model, NULL);
    }
    free(values);
    return argument;
}

/* The model's memory is from gocluster_svc_from_arrays, which gives it back at once when unused. */
static void a_model_is_freed_while_others_predict(void)
{
    problem p = small_problem();
    void *results[crowd];
    int round;
    for (round = 0; round < 5; round++) {
        gocluster_svc trained = fitted(&p);
        static double vectors[600], coef[200], intercept;
        static int64_t classes[2];
        static int32_t n_support[2];
        gocluster_svc_shape shape;
        gocluster_array v, d, i, c, n;
        shared_model shared;
        shape.struct_size = sizeof shape;
        EXPECT_OK(gocluster_svc_get_shape(trained, &shape, &last_error));
        v = gocluster_matrix(vectors, GOCLUSTER_F64, shape.n_support_vectors, 3);
        d = gocluster_matrix(coef, GOCLUSTER_F64, 1, shape.n_support_vectors);
        i = gocluster_vector(&intercept, GOCLUSTER_F64, 1);
        c = gocluster_vector(classes, GOCLUSTER_I64, 2);
        n = gocluster_vector(n_support, GOCLUSTER_I32, 2);
        EXPECT_OK(gocluster_svc_get(trained, GOCLUSTER_SVC_SUPPORT_VECTORS, &v, &last_error));
        EXPECT_OK(gocluster_svc_get(trained, GOCLUSTER_SVC_DUAL_COEF, &d, &last_error));
        EXPECT_OK(gocluster_svc_get(trained, GOCLUSTER_SVC_INTERCEPT, &i, &last_error));
        EXPECT_OK(gocluster_svc_get(trained, GOCLUSTER_SVC_CLASSES, &c, &last_error));
        EXPECT_OK(gocluster_svc_get(trained, GOCLUSTER_SVC_N_SUPPORT, &n, &last_error));
        EXPECT_OK(gocluster_svc_from_arrays(&p.params, &c, &n, &v, &d, &i, NULL, NULL, &shared.model, &last_error));
        shared.X = p.X;
        together(predict_until_freed, &shared, results);
    }
}

typedef struct scribbling {
    double *X;
    int64_t *y;
    int64_t items, rows;
    int kinds;
    volatile int stop;
} scribbling;

/* Writes numbers of some kinds over X, and any labels over y. */
static void *scribble(void *argument)
{
    scribbling *s = (scribbling *)argument;
    double kinds[8];
    uint64_t state = 1;
    kinds[0] = 0, kinds[1] = 3, kinds[2] = -0.5, kinds[3] = 1e-320;
    kinds[4] = 1e300, kinds[5] = -1e300, kinds[6] = HUGE_VAL, kinds[7] = strtod("nan", NULL);
    while (!s->stop) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        s->X[(state >> 33) % (uint64_t)s->items] = kinds[(state >> 40) % (uint64_t)s->kinds];
        s->y[(state >> 33) % (uint64_t)s->rows] = s->kinds == 8 ? (int64_t)(state >> 20) : (int64_t)(state >> 63);
    }
    return NULL;
}

/* It ends, one way or another, and touches nothing out of bounds (the buffers are guarded). */
static void inputs_are_overwritten_during_fits(void)
{
    enum { rows = 1500, columns = 10, rounds = 16 };
    double *X = (double *)guarded(rows * columns * 8, 1);
    int64_t *y = (int64_t *)guarded(rows * 8, 1);
    int round, trained = 0;
    for (round = 0; round < rounds; round++) {
        scribbling s = {NULL, NULL, rows * columns, rows, 0, 0};
        problem p = small_problem();
        pthread_t thread;
        gocluster_job job;
        int32_t code;
        noise(X, y, rows, columns);
        p.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
        p.y = gocluster_vector(y, GOCLUSTER_I64, rows);
        p.params.kernel = round % 2 ? GOCLUSTER_KERNEL_LINEAR : GOCLUSTER_KERNEL_RBF;
        p.params.C = 100;
        p.params.max_iter = 20000; /* data that contradicts itself may keep the exact solver busy for long */
        s.X = X;
        s.y = y;
        s.kinds = round % 4 < 2 ? 4 : 8; /* finite and of one size, or everything */
        /* Some from before the first look at the data, some in the middle of the work. */
        if (round < rounds / 2)
            CHECK(pthread_create(&thread, NULL, scribble, &s) == 0);
        job = start(&p);
        gocluster_job_wait(job, round < rounds / 2 ? 0 : round, NULL, NULL);
        if (round >= rounds / 2)
            CHECK(pthread_create(&thread, NULL, scribble, &s) == 0);
        code = gocluster_job_wait(job, 60000, NULL, &last_error);
        s.stop = 1;
        CHECK(pthread_join(thread, NULL) == 0);
        if (code == GOCLUSTER_PENDING)
            fail_at(__FILE__, __LINE__, "a fit does not end when its inputs change");
        if (code != GOCLUSTER_OK && code != GOCLUSTER_ERROR_NOT_FINITE && code != GOCLUSTER_ERROR_ARGUMENT)
            fail_at(__FILE__, __LINE__, last_error.message);
        trained += code == GOCLUSTER_OK;
        EXPECT_OK(gocluster_job_free(job, &last_error));
    }
    CHECK(trained > 0); /* or the changes were seen too early to test anything */
}

static const test tests[] = {
    TEST(waiting_has_a_limit),
    TEST(a_cancelled_job_ends),
    TEST(free_waits_for_the_work),
    TEST(progress_never_falls),
    TEST(a_result_may_be_taken_twice),
    TEST(eight_threads_fit_at_once),
    TEST(threads_do_not_change_the_model),
    TEST(eight_threads_free_one_job),
    TEST(a_job_is_freed_while_others_wait),
    TEST(a_model_is_freed_while_others_predict),
    TEST(inputs_are_overwritten_during_fits),
};

MAIN(tests)
