/* Versions, params structs and their growth, error structs, handles. */
#include "check.h"

static void versions(void)
{
    CHECK(gocluster_abi_version() == GOCLUSTER_ABI_VERSION);
    CHECK(gocluster_abi_minor() == GOCLUSTER_ABI_MINOR);
}

static void every_code_has_a_name(void)
{
    int32_t code;
    CHECK(strcmp(gocluster_error_name(GOCLUSTER_OK), "GOCLUSTER_OK") == 0);
    CHECK(strcmp(gocluster_error_name(GOCLUSTER_PENDING), "GOCLUSTER_PENDING") == 0);
    for (code = GOCLUSTER_ERROR_POISONED; code < 0; code++)
        CHECK(strncmp(gocluster_error_name(code), "GOCLUSTER_ERROR_", 16) == 0);
    CHECK(strcmp(gocluster_error_name(GOCLUSTER_ERROR_POISONED - 1), "unknown") == 0);
    CHECK(strcmp(gocluster_error_name(INT32_MAX), "unknown") == 0);
}

static void init_writes_the_defaults(void)
{
    gocluster_svc_params p;
    memset(&p, 0xff, sizeof p);
    EXPECT_OK(gocluster_svc_params_init(&p, sizeof p, &last_error));
    CHECK(p.struct_size == sizeof p);
    CHECK(p.kernel == GOCLUSTER_KERNEL_RBF);
    CHECK(p.C == 1 && p.gamma == -1 && p.tol == 1e-3 && p.cache_size == 200 && p.max_iter == -1);
    CHECK(p.degree == 3 && p.coef0 == 0 && p.probability == 0 && p.random_state == 0);
}

/* An older caller's struct ends before tol, a newer one's goes on. */
static void init_writes_what_the_caller_has(void)
{
    union { gocluster_svc_params p; unsigned char bytes[256]; } u;
    size_t i;
    memset(&u, 0xff, sizeof u);
    EXPECT_OK(gocluster_svc_params_init(&u.p, 24, &last_error));
    CHECK(u.p.struct_size == 24 && u.p.gamma == -1);
    for (i = 24; i < sizeof u; i++)
        CHECK(u.bytes[i] == 0xff);
    EXPECT_OK(gocluster_svc_params_init(&u.p, sizeof u.p + 64, &last_error));
    for (i = sizeof u.p; i < sizeof u.p + 64; i++)
        CHECK(u.bytes[i] == 0);
    CHECK(u.bytes[sizeof u.p + 64] == 0xff);
}

static int32_t start(const problem *p, const void *params)
{
    gocluster_job job;
    int32_t code = gocluster_svc_fit_start((const gocluster_svc_params *)params, &p->X, &p->y, NULL, NULL, &job, &last_error);
    if (code == GOCLUSTER_OK) {
        code = gocluster_job_wait(job, -1, NULL, &last_error);
        EXPECT_OK(gocluster_job_free(job, &last_error));
    }
    return code;
}

static void params_of_other_versions(void)
{
    problem p = small_problem();
    union { gocluster_svc_params p; unsigned char bytes[8192]; } u;
    static const uint32_t sizes[] = {0, 1, 4, 7, 12, 47, 50, 5000, 0x80000000u, UINT32_MAX};
    size_t i;

    memset(&u, 0, sizeof u);
    u.p = p.params;
    u.p.struct_size = sizeof u.p + 8; /* a newer caller who sets nothing new */
    EXPECT_OK(start(&p, &u));
    u.bytes[sizeof u.p + 7] = 1; /* and one who does */
    REFUSED(GOCLUSTER_ERROR_STRUCT_SIZE, "params", start(&p, &u));

    memset(&u, 0xff, sizeof u); /* an older caller: what follows gamma takes the defaults */
    u.p.struct_size = 24;
    u.p.kernel = GOCLUSTER_KERNEL_RBF;
    u.p.C = 1;
    u.p.gamma = 0.7;
    EXPECT_OK(start(&p, &u));
    u.p.struct_size = 16; /* one without gamma cannot train RBF, but LINEAR */
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.gamma", start(&p, &u));
    u.p.kernel = GOCLUSTER_KERNEL_LINEAR;
    EXPECT_OK(start(&p, &u));

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        u.p = p.params;
        u.p.struct_size = sizes[i];
        REFUSED(GOCLUSTER_ERROR_STRUCT_SIZE, "params", start(&p, &u));
        REFUSED(GOCLUSTER_ERROR_STRUCT_SIZE, "params", gocluster_svc_params_init(&u.p, sizes[i], &last_error));
    }
}

/* The struct ends where memory ends: no byte beyond struct_size is read or written. */
static void params_are_read_to_their_size(void)
{
    problem p = small_problem();
    static const uint32_t sizes[] = {24, 48, 56, 72};
    size_t i;
    for (i = 0; i < 4; i++) {
        gocluster_svc_params *params = (gocluster_svc_params *)guarded(sizes[i], 1);
        EXPECT_OK(gocluster_svc_params_init(params, sizes[i], &last_error));
        params->gamma = 0.7;
        EXPECT_OK(start(&p, params));
    }
}

static void shapes_of_other_versions(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    union { gocluster_svc_shape s; unsigned char bytes[128]; } u;
    size_t i;
    memset(&u, 0xff, sizeof u);
    u.s.struct_size = 16;
    EXPECT_OK(gocluster_svc_get_shape(model, &u.s, &last_error));
    CHECK(u.s.struct_size == 16 && u.s.n_classes == 2);
    for (i = 16; i < sizeof u; i++)
        CHECK(u.bytes[i] == 0xff);
    u.s.struct_size = sizeof u.s + 8;
    EXPECT_OK(gocluster_svc_get_shape(model, &u.s, &last_error));
    CHECK(u.s.n_features == 3 && u.s.n_pairs == 1 && u.s.converged == 1);
    for (i = sizeof u.s; i < sizeof u.s + 8; i++)
        CHECK(u.bytes[i] == 0);
    u.s.struct_size = 0;
    REFUSED(GOCLUSTER_ERROR_STRUCT_SIZE, "shape", gocluster_svc_get_shape(model, &u.s, &last_error));
}

static void parameters_outside_their_domain(void)
{
    static const double bad[] = {0, -1, -1e-300, -HUGE_VAL, HUGE_VAL};
    problem p = small_problem();
    gocluster_svc_params q;
    double nan = strtod("nan", NULL);
    size_t i;
    for (i = 0; i <= 5; i++) {
        double value = i < 5 ? bad[i] : nan;
        q = p.params, q.C = value;
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.C", start(&p, &q));
        q = p.params, q.tol = value;
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.tol", start(&p, &q));
        q = p.params, q.cache_size = value;
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.cache_size", start(&p, &q));
        if (value != 0) {
            q = p.params, q.gamma = value;
            REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.gamma", start(&p, &q));
            q.kernel = GOCLUSTER_KERNEL_LINEAR; /* where gamma means nothing, it is not looked at */
            EXPECT_OK(start(&p, &q));
        }
    }
    for (i = 0; i < 2; i++) {
        static const int32_t kernels[] = {5, -1};
        q = p.params, q.kernel = kernels[i];
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.kernel", start(&p, &q));
    }
    for (i = 0; i < 3; i++) { /* likewise degree and coef0, where the kernel has none */
        static const double not_finite[] = {HUGE_VAL, -HUGE_VAL};
        q = p.params, q.degree = -1, q.coef0 = i < 2 ? not_finite[i] : nan;
        EXPECT_OK(start(&p, &q));
        q.kernel = GOCLUSTER_KERNEL_SIGMOID;
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.coef0", start(&p, &q));
        q.coef0 = -1;
        EXPECT_OK(start(&p, &q));
        q.kernel = GOCLUSTER_KERNEL_POLY;
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.degree", start(&p, &q));
        q.degree = 0;
        EXPECT_OK(start(&p, &q));
    }
    q = p.params, q.probability = 2;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.probability", start(&p, &q));
    q.probability = -1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.probability", start(&p, &q));
    q.probability = 0, q.random_state = -1; /* without meaning, so without a check */
    EXPECT_OK(start(&p, &q));
    q.probability = 1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.random_state", start(&p, &q));
    q.random_state = 0x100000000;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.random_state", start(&p, &q));
    q.random_state--;
    EXPECT_OK(start(&p, &q));
    q = p.params, q.max_iter = -2;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.max_iter", start(&p, &q));
}

static void data_outside_its_domain(void)
{
    problem p = small_problem();
    gocluster_array weights;
    gocluster_svc model;
    static double w[200], each[3] = {1, 1, 1};
    double bad[3];
    int i;
    bad[0] = HUGE_VAL, bad[1] = -HUGE_VAL, bad[2] = strtod("nan", NULL);
    for (i = 0; i < 3; i++) {
        p = small_problem();
        ((double *)p.X.data)[3 * 123 + 1] = bad[i];
        REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "X", start(&p, &p.params));
        CHECK(strstr(last_error.message, "row 123") != NULL);
        p = small_problem();
        w[77] = bad[i];
        weights = gocluster_vector(w, GOCLUSTER_F64, 200);
        REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "sample_weight",
                gocluster_svc_fit(&p.params, &p.X, &p.y, &weights, NULL, &model, &last_error));
        CHECK(strstr(last_error.message, "row 77") != NULL);
    }
    p = small_problem();
    for (i = 0; i < 200; i++)
        ((int64_t *)p.y.data)[i] = INT64_MIN;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "y", start(&p, &p.params)); /* one class */
    p = small_problem();
    weights = gocluster_vector(each, GOCLUSTER_F64, 3);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "class_weight",
            gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, &weights, &model, &last_error));
    REFUSED(GOCLUSTER_ERROR_SHAPE, "sample_weight",
            gocluster_svc_fit(&p.params, &p.X, &p.y, &weights, NULL, &model, &last_error));
    p.X.shape[1] = 2;
    model = fitted(&p);
    p = small_problem();
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", gocluster_svc_predict(model, &p.X, &p.y, &last_error));
}

static void handles_that_mean_nothing(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p), none = {0};
    gocluster_job job;
    static const uint64_t ids[] = {0, 1, UINT64_MAX, UINT64_C(1) << 32};
    size_t i;
    for (i = 0; i < 4; i++) {
        none.id = job.id = ids[i];
        REFUSED(GOCLUSTER_ERROR_HANDLE, "job", gocluster_job_wait(job, -1, NULL, &last_error));
        REFUSED(GOCLUSTER_ERROR_HANDLE, "job", gocluster_job_cancel(job, &last_error));
        REFUSED(GOCLUSTER_ERROR_HANDLE, "job", gocluster_job_free(job, &last_error));
        REFUSED(GOCLUSTER_ERROR_HANDLE, "model", gocluster_svc_free(none, &last_error));
        REFUSED(GOCLUSTER_ERROR_HANDLE, "model", gocluster_svc_predict(none, &p.X, &p.y, &last_error));
    }
    job.id = model.id; /* a handle of another kind */
    REFUSED(GOCLUSTER_ERROR_HANDLE, "job", gocluster_job_free(job, &last_error));
    EXPECT_OK(gocluster_svc_free(model, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "model", gocluster_svc_free(model, &last_error));
    CHECK(fitted(&p).id > model.id); /* never used twice */
}

static void errors_are_written_only_on_failure(void)
{
    problem p = small_problem();
    gocluster_error err, before;
    gocluster_svc model;
    memset(&err, 0x5a, sizeof err);
    before = err;
    EXPECT_OK(gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, NULL, &model, &err));
    CHECK(memcmp(&err, &before, sizeof err) == 0);
    p.X.ndim = 0;
    EXPECT(GOCLUSTER_ERROR_SHAPE, gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, NULL, &model, &err));
    CHECK(err.code == GOCLUSTER_ERROR_SHAPE && strcmp(err.argument, "X") == 0);
    CHECK(memchr(err.message, 0, sizeof err.message) != NULL);
    EXPECT(GOCLUSTER_ERROR_IO, gocluster_npy_info("/nonexistent/with/a/very/long/name/"
        "................................................................................................................"
        "................................................................................................................"
        "................................................................................................................",
        &p.X, &err));
    CHECK(err.message[sizeof err.message - 1] == 0 && strlen(err.message) > 200);
}

static void the_budget_of_threads(void)
{
    int32_t before = gocluster_get_num_threads();
    CHECK(before >= 1);
    CHECK(gocluster_set_num_threads(before + 3) == before);
    CHECK(gocluster_get_num_threads() == before + 3);
    CHECK(gocluster_set_num_threads(0) == GOCLUSTER_ERROR_ARGUMENT);
    CHECK(gocluster_set_num_threads(INT32_MIN) == GOCLUSTER_ERROR_ARGUMENT);
    CHECK(gocluster_get_num_threads() == before + 3);
}

static const test tests[] = {
    TEST(versions),
    TEST(every_code_has_a_name),
    TEST(init_writes_the_defaults),
    TEST(init_writes_what_the_caller_has),
    TEST(params_of_other_versions),
    TEST(params_are_read_to_their_size),
    TEST(shapes_of_other_versions),
    TEST(parameters_outside_their_domain),
    TEST(data_outside_its_domain),
    TEST(handles_that_mean_nothing),
    TEST(errors_are_written_only_on_failure),
    TEST(the_budget_of_threads),
};

MAIN(tests)
