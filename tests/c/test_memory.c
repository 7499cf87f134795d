/* Memory: addresses that are none, pages that may not be touched, pages that vanish. */
#include "check.h"

#include <sys/mman.h>
#include <unistd.h>

static int32_t fit_code(const problem *p)
{
    gocluster_svc model;
    int32_t code = gocluster_svc_fit(&p->params, &p->X, &p->y, NULL, NULL, &model, &last_error);
    if (code == GOCLUSTER_OK)
        gocluster_svc_free(model, NULL);
    return code;
}

/* None of these is memory: pages that cannot be, kernel addresses, not canonical ones. */
static const uintptr_t wild[] = {8, 16, 4088, 4096, 0x10000, UINTPTR_MAX - 7, UINTPTR_MAX / 8 * 8 - 4096,
                                 (uintptr_t)0xdeadbeefdeadbee8u, (uintptr_t)0x0000800000000000u,
                                 (uintptr_t)0xffff800000000000u};
enum { wild_count = sizeof wild / sizeof *wild };

static void check_address_code(int32_t code, const char *argument)
{
    CHECK(code == GOCLUSTER_ERROR_ADDRESS || code == GOCLUSTER_ERROR_STRIDES || code == GOCLUSTER_ERROR_ARGUMENT);
    if (strcmp(last_error.argument, argument) != 0) {
        fprintf(stderr, "%s: %s\n", last_error.argument, last_error.message);
        fail_at(__FILE__, __LINE__, argument);
    }
}

static void wild_data(void)
{
    int i;
    for (i = 0; i < wild_count; i++) {
        problem p = small_problem();
        p.X.data = (void *)wild[i];
        check_address_code(fit_code(&p), "X");
        p = small_problem(), p.y.data = (void *)wild[i];
        check_address_code(fit_code(&p), "y");
    }
}

static void wild_structs(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    gocluster_job job;
    int i;
    for (i = 0; i < wild_count; i++) {
        gocluster_array *array = (gocluster_array *)wild[i];
        const gocluster_svc_params *params = (const gocluster_svc_params *)wild[i];
        gocluster_svc_shape *shape = (gocluster_svc_shape *)wild[i];
        gocluster_job *handle = (gocluster_job *)wild[i];
        gocluster_error *err = (gocluster_error *)wild[i];
        check_address_code(gocluster_svc_fit_start(params, &p.X, &p.y, NULL, NULL, &job, &last_error), "params");
        check_address_code(gocluster_svc_fit_start(&p.params, array, &p.y, NULL, NULL, &job, &last_error), "X");
        check_address_code(gocluster_svc_fit_start(&p.params, &p.X, array, NULL, NULL, &job, &last_error), "y");
        check_address_code(gocluster_svc_fit_start(&p.params, &p.X, &p.y, array, NULL, &job, &last_error), "sample_weight");
        check_address_code(gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, array, &job, &last_error), "class_weight");
        check_address_code(gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, handle, &last_error), "job");
        check_address_code(gocluster_svc_get_shape(model, shape, &last_error), "shape");
        check_address_code(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, array, &last_error), "out");
        check_address_code(gocluster_npy_info((const char *)wild[i], &p.X, &last_error), "path");
        p = small_problem();
        /* A wild err loses the message, not the code. */
        p.X.ndim = 7;
        EXPECT(GOCLUSTER_ERROR_SHAPE, gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, &job, err));
        p = small_problem();
    }
}

static void nulls(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    gocluster_job job;
    gocluster_array empty = gocluster_vector(NULL, GOCLUSTER_F64, 1);
    gocluster_error *e = &last_error;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params", gocluster_svc_fit_start(NULL, &p.X, &p.y, NULL, NULL, &job, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", gocluster_svc_fit_start(&p.params, NULL, &p.y, NULL, NULL, &job, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "y", gocluster_svc_fit_start(&p.params, &p.X, NULL, NULL, NULL, &job, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "job", gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, NULL, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "shape", gocluster_svc_get_shape(model, NULL, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "out", gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, NULL, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "out", gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &empty, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", gocluster_svc_predict_start(model, NULL, &p.y, &job, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "out", gocluster_svc_predict_start(model, &p.X, NULL, &job, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "job", gocluster_svc_predict_start(model, &p.X, &p.y, NULL, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "path", gocluster_npy_info(NULL, &p.X, e));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params", gocluster_svc_params_init(NULL, sizeof p.params, e));
    p.X.data = NULL;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, &job, e));
    /* Nothing needs an err. */
    EXPECT(GOCLUSTER_ERROR_ARGUMENT, gocluster_svc_fit_start(NULL, NULL, NULL, NULL, NULL, NULL, NULL));
}

/* Fits and predicts with no byte of slack around any buffer, inputs read-only, in many shapes. */
static void touch_nothing_around_buffers(void)
{
    static const int64_t rows[] = {2, 3, 7, 8, 31, 32, 33, 65, 130, 400}, columns[] = {1, 2, 3, 5, 8, 17, 33, 70};
    size_t i, j;
    int at_end, single;
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        for (j = 0; j < sizeof columns / sizeof *columns; j++)
            for (at_end = 0; at_end < 2; at_end++)
                for (single = 0; single < 2; single++) {
                    int64_t n = rows[i], d = columns[j], k;
                    double *X = (double *)guarded((size_t)(n * d) * 8, at_end), *out = (double *)guarded((size_t)n * 8, at_end);
                    float *narrow = (float *)guarded((size_t)(n * d) * 4, 0);
                    int64_t *y = (int64_t *)guarded((size_t)n * 8, at_end), *label = (int64_t *)guarded((size_t)n * 8, at_end);
                    gocluster_array Xa, ya, oa = gocluster_vector(out, GOCLUSTER_F64, n), la = gocluster_vector(label, GOCLUSTER_I64, n);
                    gocluster_svc_params params = svc_params(0.5);
                    gocluster_svc model;
                    two_clouds(X, y, n, d, 0, 1);
                    for (k = 0; k < n * d; k++)
                        narrow[k] = (float)X[k];
                    forbid_writing(X, (size_t)(n * d) * 8);
                    forbid_writing(y, (size_t)n * 8);
                    Xa = single ? gocluster_matrix(narrow, GOCLUSTER_F32, n, d) : gocluster_matrix(X, GOCLUSTER_F64, n, d);
                    ya = gocluster_vector(y, GOCLUSTER_I64, n);
                    params.kernel = (i + j) % 2 ? GOCLUSTER_KERNEL_LINEAR : GOCLUSTER_KERNEL_RBF;
                    EXPECT_OK(gocluster_svc_fit(&params, &Xa, &ya, NULL, NULL, &model, &last_error));
                    EXPECT_OK(gocluster_svc_decision_function(model, &Xa, &oa, &last_error));
                    EXPECT_OK(gocluster_svc_predict(model, &Xa, &la, &last_error));
                    EXPECT_OK(gocluster_svc_free(model, &last_error));
                    for (k = 0; k < n; k++)
                        CHECK((label[k] == 0) == (out[k] > 0)); /* a positive value votes for the lower class */
                }
}

static void memory_that_cannot_be_reached(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    double *out = (double *)guarded(200 * 8, 0);
    gocluster_array a = gocluster_vector(out, GOCLUSTER_F64, 200);
    double *X = (double *)guarded(600 * 8, 1);
    forbid_writing(out, 200 * 8);
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "out", gocluster_svc_decision_function(model, &p.X, &a, &last_error));
    /* One row more than there is memory for. */
    p.X = gocluster_matrix(X, GOCLUSTER_F64, 201, 3);
    a = gocluster_vector(malloc(201 * 8), GOCLUSTER_F64, 201);
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "X", gocluster_svc_decision_function(model, &p.X, &a, &last_error));
}

/* Maps a file of so many bytes, which has no name. */
static void *mapped_file(size_t size, int *file)
{
    char name[] = "/tmp/gocluster-test-XXXXXX";
    void *memory;
    *file = mkstemp(name);
    CHECK(*file >= 0 && unlink(name) == 0 && ftruncate(*file, (off_t)size) == 0);
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

/* A page of X becomes unreachable, or the mapped file of X is cut short; which thread meets that is chance. */
static void memory_that_vanishes(void)
{
    enum { rows = 20000, columns = 50, page = 4096 };
    static int64_t y[rows];
    int round;
    for (round = 0; round < 10; round++) {
        int file = -1;
        double *X = (double *)(round % 2 ? guarded(rows * columns * 8, 0) : mapped_file(rows * columns * 8, &file));
        problem p = small_problem();
        gocluster_svc model;
        two_clouds(X, y, rows, columns, 0, 1);
        p.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
        p.y = gocluster_vector(y, GOCLUSTER_I64, rows);
        if (round % 2)
            CHECK(mprotect((char *)X + (size_t)(round + 1) * 150 * page, page, PROT_NONE) == 0);
        else
            CHECK(ftruncate(file, (round + 1) * 150 * page) == 0 && close(file) == 0);
        EXPECT(GOCLUSTER_ERROR_ADDRESS, gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, NULL, &model, &last_error));
    }
    {
        problem p = small_problem(); /* and the library goes on */
        gocluster_svc_free(fitted(&p), NULL);
    }
}

static const test tests[] = {
    TEST(wild_data),
    TEST(wild_structs),
    TEST(nulls),
    TEST(touch_nothing_around_buffers),
    TEST(memory_that_cannot_be_reached),
    TEST(memory_that_vanishes),
};

MAIN(tests)
