/* Sparse matrices: training, prediction and support vectors of CSR data; what is refused; data that changes. */
#include "check.h"

#include <pthread.h>

enum { ROWS = 200, COLUMNS = 40, MOST = ROWS * 6 };

/* A matrix of which every row has a few elements, as CSR and with all its zeros. */
typedef struct data {
    double full[ROWS * COLUMNS], values[MOST];
    float narrow[MOST];
    int32_t columns[MOST], ends[ROWS + 1];
    int64_t wide_columns[MOST], wide_ends[ROWS + 1], labels[ROWS];
    gocluster_csr csr;
    gocluster_array X, dense, y;
    gocluster_svc_params params;
} data;

static data d;

static void make_data(void)
{
    int i, e, n = 0;
    uint32_t state = 7;
    memset(&d, 0, sizeof d);
    for (i = 0; i < ROWS; i++) {
        d.labels[i] = i % 2 ? 4 : -1;
        for (e = 0; e < i % 7 - 1; e++, n++) { /* two rows of seven are empty */
            state = state * 1664525u + 1013904223u;
            d.columns[n] = (int32_t)((state >> 8) % COLUMNS);
            d.values[n] = d.narrow[n] = (float)(state >> 20) / 4096 + (float)(i % 2 * (d.columns[n] % 3));
            d.wide_columns[n] = d.columns[n];
            d.full[i * COLUMNS + d.columns[n]] += d.values[n]; /* a column may stand twice */
        }
        d.wide_ends[i + 1] = d.ends[i + 1] = n;
    }
    d.csr.data = d.values;
    d.csr.indices = d.columns;
    d.csr.indptr = d.ends;
    d.csr.dtype = GOCLUSTER_F64;
    d.csr.index_dtype = GOCLUSTER_I32;
    d.csr.n_elements = n;
    d.X = gocluster_sparse(&d.csr, ROWS, COLUMNS);
    d.dense = gocluster_matrix(d.full, GOCLUSTER_F64, ROWS, COLUMNS);
    d.y = gocluster_vector(d.labels, GOCLUSTER_I64, ROWS);
    d.params = svc_params(0.5);
}

static gocluster_svc fit_on(const gocluster_array *X)
{
    gocluster_svc model;
    EXPECT_OK(gocluster_svc_fit(&d.params, X, &d.y, NULL, NULL, &model, &last_error));
    return model;
}

static void decide(gocluster_svc model, const gocluster_array *X, double *values)
{
    gocluster_array out = gocluster_vector(values, GOCLUSTER_F64, ROWS);
    EXPECT_OK(gocluster_svc_decision_function(model, X, &out, &last_error));
}

static void check_close(const double *a, const double *b, double tolerance)
{
    int i;
    for (i = 0; i < ROWS; i++)
        CHECK(fabs(a[i] - b[i]) <= tolerance);
}

static void a_sparse_model_is_the_dense_one(void)
{
    static const int32_t kernels[] = {GOCLUSTER_KERNEL_LINEAR, GOCLUSTER_KERNEL_POLY, GOCLUSTER_KERNEL_RBF, GOCLUSTER_KERNEL_SIGMOID};
    double sparse[ROWS], dense[ROWS], again[ROWS];
    int k;
    make_data();
    for (k = 0; k < 4; k++) {
        gocluster_svc of_sparse, of_dense;
        d.params.kernel = kernels[k];
        d.params.gamma = kernels[k] == GOCLUSTER_KERNEL_RBF ? 0.5 : 0.05;
        of_sparse = fit_on(&d.X);
        of_dense = fit_on(&d.dense);
        decide(of_sparse, &d.X, sparse);
        decide(of_dense, &d.dense, dense);
        check_close(sparse, dense, 5e-3);
        decide(of_sparse, &d.dense, again); /* the same rows with their zeros */
        check_close(sparse, again, 1e-6);
    }
}

static void every_type_gives_the_same_model(void)
{
    double want[ROWS], got[ROWS];
    int narrow, wide;
    make_data();
    decide(fit_on(&d.X), &d.X, want);
    for (narrow = 0; narrow < 2; narrow++)
        for (wide = 0; wide < 2; wide++) {
            d.csr.data = narrow ? (void *)d.narrow : (void *)d.values;
            d.csr.dtype = narrow ? GOCLUSTER_F32 : GOCLUSTER_F64;
            d.csr.indices = wide ? (void *)d.wide_columns : (void *)d.columns;
            d.csr.indptr = wide ? (void *)d.wide_ends : (void *)d.ends;
            d.csr.index_dtype = wide ? GOCLUSTER_I64 : GOCLUSTER_I32;
            decide(fit_on(&d.X), &d.X, got);
            check_close(got, want, 5e-3);
        }
}

static void support_vectors_come_out_and_go_in(void)
{
    static double values[MOST], coef[ROWS], narrow[ROWS * COLUMNS];
    static int32_t columns[MOST], ends[ROWS + 1], support[ROWS];
    double intercept, before[ROWS], after[ROWS];
    int32_t counts[2];
    int64_t classes[2];
    gocluster_svc_shape shape;
    gocluster_csr csr;
    gocluster_array out, sv, dual, b, n, c;
    gocluster_svc model, copy;
    int64_t k, e;

    make_data();
    model = fit_on(&d.X);
    shape.struct_size = sizeof shape;
    EXPECT_OK(gocluster_svc_get_shape(model, &shape, &last_error));
    CHECK(shape.n_support_elements > 0 && shape.n_support_elements <= d.csr.n_elements);
    csr.data = values, csr.indices = columns, csr.indptr = ends;
    csr.dtype = GOCLUSTER_F64, csr.index_dtype = GOCLUSTER_I32, csr.n_elements = shape.n_support_elements;
    sv = gocluster_sparse(&csr, shape.n_support_vectors, COLUMNS);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_SUPPORT_VECTORS, &sv, &last_error));
    out = gocluster_vector(support, GOCLUSTER_I32, shape.n_support_vectors);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_SUPPORT, &out, &last_error));
    CHECK(ends[0] == 0 && ends[shape.n_support_vectors] == shape.n_support_elements);
    for (k = 0; k < shape.n_support_vectors; k++) {
        double row[COLUMNS] = {0};
        for (e = ends[k]; e < ends[k + 1]; e++) {
            CHECK(e == ends[k] || columns[e - 1] < columns[e]);
            row[columns[e]] = values[e];
        }
        for (e = 0; e < COLUMNS; e++)
            CHECK(fabs(row[e] - d.full[support[k] * COLUMNS + e]) < 1e-12);
    }

    dual = gocluster_matrix(coef, GOCLUSTER_F64, 1, shape.n_support_vectors);
    b = gocluster_vector(&intercept, GOCLUSTER_F64, 1);
    n = gocluster_vector(counts, GOCLUSTER_I32, 2);
    c = gocluster_vector(classes, GOCLUSTER_I64, 2);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_DUAL_COEF, &dual, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &b, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_N_SUPPORT, &n, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_CLASSES, &c, &last_error));
    decide(model, &d.X, before);
    EXPECT_OK(gocluster_svc_from_arrays(&d.params, &c, &n, &sv, &dual, &b, NULL, NULL, &copy, &last_error));
    EXPECT_OK(gocluster_svc_free(model, &last_error));
    decide(copy, &d.X, after);
    check_close(before, after, 0);
    memset(values, 0xff, sizeof values); /* NaN */
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "support_vectors",
            gocluster_svc_from_arrays(&d.params, &c, &n, &sv, &dual, &b, NULL, NULL, &model, &last_error));

    out = gocluster_matrix(narrow, GOCLUSTER_F64, shape.n_support_vectors, COLUMNS);
    REFUSED(GOCLUSTER_ERROR_DTYPE, "out", gocluster_svc_get(copy, GOCLUSTER_SVC_SUPPORT_VECTORS, &out, &last_error));
    csr.n_elements--;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_get(copy, GOCLUSTER_SVC_SUPPORT_VECTORS, &sv, &last_error));
    csr.n_elements++, csr.dtype = GOCLUSTER_F32;
    REFUSED(GOCLUSTER_ERROR_DTYPE, "out.data", gocluster_svc_get(copy, GOCLUSTER_SVC_SUPPORT_VECTORS, &sv, &last_error));
    REFUSED(GOCLUSTER_ERROR_DTYPE, "out", gocluster_svc_get(fit_on(&d.dense), GOCLUSTER_SVC_SUPPORT_VECTORS, &sv, &last_error));
    shape.struct_size = sizeof shape;
    EXPECT_OK(gocluster_svc_get_shape(fit_on(&d.dense), &shape, &last_error));
    CHECK(shape.n_support_elements == -1);
}

static int32_t fit_code(void)
{
    gocluster_svc model;
    int32_t code = gocluster_svc_fit(&d.params, &d.X, &d.y, NULL, NULL, &model, &last_error);
    if (code == GOCLUSTER_OK)
        gocluster_svc_free(model, NULL);
    return code;
}

static void what_is_refused(void)
{
    static int64_t labels[ROWS];
    gocluster_array out = gocluster_vector(labels, GOCLUSTER_I64, ROWS);
    void *nowhere = (void *)(uintptr_t)8192;
    make_data();
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", gocluster_svc_predict(fit_on(&d.dense), &d.X, &out, &last_error));
    CHECK(strstr(last_error.message, "trained on dense data") != NULL);
    out = gocluster_vector(d.columns, GOCLUSTER_I32, ROWS);
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "out", gocluster_svc_predict(fit_on(&d.X), &d.X, &out, &last_error));

    make_data(), d.X.data = NULL;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.X.data = (char *)&d.csr + 1;
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "X", fit_code());
    make_data(), d.X.data = nowhere;
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "X", fit_code());
    make_data(), d.X.ndim = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code());
    make_data(), d.X.shape[1] = 0;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code());
    make_data(), d.csr.data = nowhere;
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "X.data", fit_code());
    make_data(), d.csr.indices = NULL;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X.indices", fit_code());
    make_data(), d.csr.indptr = (char *)d.ends + 2;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "X.indptr", fit_code());
    make_data(), d.csr.index_dtype = GOCLUSTER_F32;
    REFUSED(GOCLUSTER_ERROR_DTYPE, "X.indices", fit_code());
    make_data(), d.csr.dtype = GOCLUSTER_I64;
    REFUSED(GOCLUSTER_ERROR_DTYPE, "X.data", fit_code());
    make_data(), d.csr.n_elements = -1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code());
    make_data(), d.csr.n_elements = INT64_MAX;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "X.data", fit_code());
    make_data(), d.csr.n_elements--;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.ends[0] = 1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.ends[100] = INT32_MAX;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.ends[ROWS] = INT32_MIN;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.columns[50] = COLUMNS;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.columns[50] = -1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", fit_code());
    make_data(), d.values[50] = HUGE_VAL;
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "X", fit_code());
}

/* Nothing but empty rows, and as many columns as an index holds. */
static void extremes(void)
{
    double values[ROWS];
    make_data();
    memset(d.ends, 0, sizeof d.ends);
    d.csr.data = d.csr.indices = (void *)(uintptr_t)1;
    d.csr.n_elements = 0;
    decide(fit_on(&d.X), &d.X, values);
    make_data();
    d.X.shape[1] = INT32_MAX;
    d.columns[3] = INT32_MAX - 1;
    d.params.kernel = GOCLUSTER_KERNEL_LINEAR;
    decide(fit_on(&d.X), &d.X, values);
    d.X.shape[1]++;
    REFUSED(GOCLUSTER_ERROR_TOO_LARGE, "X", fit_code());
}

static volatile int stop;

static void *overwrite(void *unused)
{
    uint32_t state = 1;
    (void)unused;
    while (!stop) {
        state = state * 1664525u + 1013904223u;
        ((volatile int32_t *)d.columns)[(state >> 8) % MOST] = (int32_t)((state >> 5) % COLUMNS);
        if ((state >> 16) % 64 == 0)
            ((volatile int32_t *)d.columns)[(state >> 8) % MOST] = (int32_t)state;
        if ((state >> 16) % 64 == 1)
            ((volatile int32_t *)d.ends)[(state >> 8) % (ROWS + 1)] = (int32_t)(state * 31);
        if ((state >> 16) % 64 == 2)
            make_data();
    }
    return NULL;
}

/* Another thread fills the arrays with anything: an error or a meaningless model, nothing worse. */
static void arrays_that_change(void)
{
    pthread_t thread;
    gocluster_array X, y;
    static int64_t labels[ROWS], predicted[ROWS];
    gocluster_array out = gocluster_vector(predicted, GOCLUSTER_I64, ROWS);
    static gocluster_csr csr;
    gocluster_svc steady, model;
    gocluster_svc_params params;
    int i, fits = 0;
    make_data();
    steady = fit_on(&d.X);
    memcpy(labels, d.labels, sizeof labels);
    csr = d.csr, params = d.params;
    X = gocluster_sparse(&csr, ROWS, COLUMNS);
    y = gocluster_vector(labels, GOCLUSTER_I64, ROWS);
    CHECK(pthread_create(&thread, NULL, overwrite, NULL) == 0);
    for (i = 0; i < 1000; i++) {
        int32_t code = gocluster_svc_fit(&params, &X, &y, NULL, NULL, &model, &last_error);
        CHECK(code == GOCLUSTER_OK || code == GOCLUSTER_ERROR_ARGUMENT || code == GOCLUSTER_ERROR_NOT_FINITE);
        if (code == GOCLUSTER_OK)
            fits++, gocluster_svc_free(model, NULL);
        code = gocluster_svc_predict(steady, &X, &out, &last_error);
        CHECK(code == GOCLUSTER_OK || code == GOCLUSTER_ERROR_ARGUMENT || code == GOCLUSTER_ERROR_NOT_FINITE);
    }
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    printf("%d fits of 1000 went through\n", fits);
}

static const test tests[] = {
    TEST(a_sparse_model_is_the_dense_one),
    TEST(every_type_gives_the_same_model),
    TEST(support_vectors_come_out_and_go_in),
    TEST(what_is_refused),
    TEST(extremes),
    TEST(arrays_that_change),
};

MAIN(tests)
