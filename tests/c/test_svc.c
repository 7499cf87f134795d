/* SVC: the attributes are those of the problem in the header, and models go out and in again. */
#include "check.h"

enum { rows = 300, columns = 4, classes = 3 };

/* Three clouds with labels from both ends of the range. */
static const int64_t names[classes] = {INT64_MIN, -5, INT64_MAX};

static problem three_classes(void)
{
    static double X[rows * columns];
    static int64_t y[rows];
    problem p = small_problem();
    int i, j;
    two_clouds(X, y, rows, columns, 0, 1);
    for (i = 0; i < rows; i++) {
        y[i] = names[i % classes];
        for (j = 0; j < columns; j++)
            X[i * columns + j] += 0.4 * (i % classes) * (j % 2 ? 1 : -1);
    }
    p.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
    p.y = gocluster_vector(y, GOCLUSTER_I64, rows);
    return p;
}

/* All attributes of a model with at most three classes. */
typedef struct attributes {
    gocluster_svc_shape shape;
    int64_t labels[classes];
    int32_t support[rows], n_support[classes], n_iter[classes];
    double vectors[rows * columns], coef[2 * rows], intercept[classes], gap[classes], objective[classes];
    gocluster_array labels_a, support_a, n_support_a, n_iter_a, vectors_a, coef_a, intercept_a, gap_a, objective_a;
} attributes;

static void get_attributes(gocluster_svc model, attributes *a)
{
    int64_t k, n, pairs;
    a->shape.struct_size = sizeof a->shape;
    EXPECT_OK(gocluster_svc_get_shape(model, &a->shape, &last_error));
    k = a->shape.n_classes, n = a->shape.n_support_vectors, pairs = a->shape.n_pairs;
    CHECK(pairs == k * (k - 1) / 2 && a->shape.n_features == columns && n <= rows);
    a->labels_a = gocluster_vector(a->labels, GOCLUSTER_I64, k);
    a->support_a = gocluster_vector(a->support, GOCLUSTER_I32, n);
    a->n_support_a = gocluster_vector(a->n_support, GOCLUSTER_I32, k);
    a->vectors_a = gocluster_matrix(a->vectors, GOCLUSTER_F64, n, columns);
    a->coef_a = gocluster_matrix(a->coef, GOCLUSTER_F64, k - 1, n);
    a->intercept_a = gocluster_vector(a->intercept, GOCLUSTER_F64, pairs);
    a->n_iter_a = gocluster_vector(a->n_iter, GOCLUSTER_I32, pairs);
    a->gap_a = gocluster_vector(a->gap, GOCLUSTER_F64, pairs);
    a->objective_a = gocluster_vector(a->objective, GOCLUSTER_F64, pairs);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_CLASSES, &a->labels_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_SUPPORT, &a->support_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_N_SUPPORT, &a->n_support_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_SUPPORT_VECTORS, &a->vectors_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_DUAL_COEF, &a->coef_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &a->intercept_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_N_ITER, &a->n_iter_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_GAP, &a->gap_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_OBJECTIVE, &a->objective_a, &last_error));
}

static gocluster_svc from_attributes(const problem *p, const attributes *a)
{
    gocluster_svc model;
    EXPECT_OK(gocluster_svc_from_arrays(&p->params, &a->labels_a, &a->n_support_a, &a->vectors_a, &a->coef_a,
                                        &a->intercept_a, NULL, NULL, &model, &last_error));
    return model;
}

static double kernel(const problem *p, const double *a, const double *b)
{
    double distance = 0, product = 0;
    int j;
    for (j = 0; j < columns; j++) {
        distance += (a[j] - b[j]) * (a[j] - b[j]);
        product += a[j] * b[j];
    }
    switch (p->params.kernel) {
    case GOCLUSTER_KERNEL_LINEAR: return product;
    case GOCLUSTER_KERNEL_POLY: return pow(p->params.gamma * product + p->params.coef0, p->params.degree);
    case GOCLUSTER_KERNEL_SIGMOID: return tanh(p->params.gamma * product + p->params.coef0);
    default: return exp(-p->params.gamma * distance);
    }
}

/* The decision value of pair (i, j) at x, written as libsvm does. */
static double decision(const problem *p, const attributes *a, int i, int j, const double *x)
{
    int64_t n = a->shape.n_support_vectors, first[classes + 1] = {0}, t;
    double sum = 0;
    int c, pair = 0, row;
    for (c = 0; c < a->shape.n_classes; c++)
        first[c + 1] = first[c] + a->n_support[c];
    for (t = first[i]; t < first[i + 1]; t++)
        sum += a->coef[(j - 1) * n + t] * kernel(p, a->vectors + t * columns, x);
    for (t = first[j]; t < first[j + 1]; t++)
        sum += a->coef[i * n + t] * kernel(p, a->vectors + t * columns, x);
    for (row = 0; row < i; row++)
        pair += (int)a->shape.n_classes - 1 - row;
    return sum + a->intercept[pair + j - i - 1];
}

static void check_model(problem p)
{
    static attributes a;
    static double values[rows * classes];
    static int64_t labels[rows];
    static int32_t indexes[rows];
    gocluster_svc model = fitted(&p), again;
    gocluster_array out;
    const double *X = (const double *)p.X.data;
    const int64_t *y = (const int64_t *)p.y.data;
    int64_t t, total = 0;
    int r, i, j, right = 0;

    get_attributes(model, &a);
    CHECK(a.shape.n_classes == classes && a.shape.converged == 1);
    for (i = 0; i < classes; i++) {
        CHECK(a.labels[i] == names[i]);
        CHECK(a.gap[i] <= p.params.tol && a.n_iter[i] > 0 && a.objective[i] < 0);
        total += a.n_support[i];
    }
    CHECK(total == a.shape.n_support_vectors);
    for (t = 0; t < total; t++) {
        int own = t < a.n_support[0] ? 0 : t < a.n_support[0] + a.n_support[1] ? 1 : 2;
        CHECK(y[a.support[t]] == names[own]);
        CHECK(memcmp(a.vectors + t * columns, X + a.support[t] * columns, sizeof(double) * columns) == 0);
        CHECK(t == 0 || a.support[t] > a.support[t - 1] || y[a.support[t]] != y[a.support[t - 1]]);
    }

    out = gocluster_matrix(values, GOCLUSTER_F64, rows, classes);
    EXPECT_OK(gocluster_svc_decision_function(model, &p.X, &out, &last_error));
    out = gocluster_vector(labels, GOCLUSTER_I64, rows);
    EXPECT_OK(gocluster_svc_predict(model, &p.X, &out, &last_error));
    out = gocluster_vector(indexes, GOCLUSTER_I32, rows);
    EXPECT_OK(gocluster_svc_predict(model, &p.X, &out, &last_error));
    for (r = 0; r < rows; r++) {
        int votes[classes] = {0}, pair = 0, best = 0;
        for (i = 0; i < classes; i++)
            for (j = i + 1; j < classes; j++, pair++) {
                double value = values[r * classes + pair];
                CHECK(fabs(value - decision(&p, &a, i, j, X + r * columns)) < 1e-4);
                votes[value > 0 ? i : j]++;
            }
        for (i = 1; i < classes; i++)
            best = votes[i] > votes[best] ? i : best;
        CHECK(indexes[r] == best && labels[r] == names[best]);
        right += labels[r] == y[r];
    }
    CHECK(right > rows * 2 / 3);

    /* Out and in again: the same answers. */
    again = from_attributes(&p, &a);
    {
        static double values_again[rows * classes];
        out = gocluster_matrix(values_again, GOCLUSTER_F64, rows, classes);
        EXPECT_OK(gocluster_svc_decision_function(again, &p.X, &out, &last_error));
        CHECK(memcmp(values, values_again, sizeof values) == 0);
    }
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "attribute", gocluster_svc_get(again, GOCLUSTER_SVC_SUPPORT, &a.support_a, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "attribute", gocluster_svc_get(again, GOCLUSTER_SVC_GAP, &a.gap_a, &last_error));
    EXPECT_OK(gocluster_svc_get(again, GOCLUSTER_SVC_SUPPORT_VECTORS, &a.vectors_a, &last_error));
    EXPECT_OK(gocluster_svc_free(again, &last_error));
    EXPECT_OK(gocluster_svc_free(model, &last_error));
}

static void rbf_attributes_make_the_decision(void)
{
    check_model(three_classes());
}

static void linear_attributes_make_the_decision(void)
{
    problem p = three_classes();
    p.params.kernel = GOCLUSTER_KERNEL_LINEAR;
    check_model(p);
}

static void poly_attributes_make_the_decision(void)
{
    problem p = three_classes();
    p.params.kernel = GOCLUSTER_KERNEL_POLY;
    p.params.gamma = 0.3;
    p.params.coef0 = 1;
    for (p.params.degree = 1; p.params.degree <= 4; p.params.degree++)
        check_model(p);
}

static void sigmoid_attributes_make_the_decision(void)
{
    problem p = three_classes();
    p.params.kernel = GOCLUSTER_KERNEL_SIGMOID;
    p.params.gamma = 0.1;
    p.params.coef0 = -0.5;
    check_model(p);
}

/* The matrix of a kernel is as good as the kernel, in both types, and a model of it goes out and in. */
static void precomputed_is_the_kernel(void)
{
    static double gram[rows * rows], coef[2 * rows], expected[rows * classes], values[rows * classes];
    static float narrow[rows * rows];
    static int32_t support[rows];
    int32_t n_support[classes];
    double intercept[classes];
    problem p = three_classes();
    const double *X = (const double *)p.X.data;
    gocluster_svc model = fitted(&p), again;
    gocluster_svc_shape shape;
    gocluster_array out = gocluster_matrix(expected, GOCLUSTER_F64, rows, classes), labels_a, support_a, n_support_a, coef_a, intercept_a, K;
    int64_t labels[classes];
    int i, j, type;
    EXPECT_OK(gocluster_svc_decision_function(model, &p.X, &out, &last_error));
    for (i = 0; i < rows; i++)
        for (j = 0; j < rows; j++) {
            gram[i * rows + j] = kernel(&p, X + i * columns, X + j * columns);
            narrow[i * rows + j] = (float)gram[i * rows + j];
        }
    p.params.kernel = GOCLUSTER_KERNEL_PRECOMPUTED;
    p.params.gamma = -1; /* without meaning, so not looked at */
    for (type = 0; type < 2; type++) {
        K = type ? gocluster_matrix(gram, GOCLUSTER_F64, rows, rows) : gocluster_matrix(narrow, GOCLUSTER_F32, rows, rows);
        EXPECT_OK(gocluster_svc_fit(&p.params, &K, &p.y, NULL, NULL, &model, &last_error));
        out = gocluster_matrix(values, GOCLUSTER_F64, rows, classes);
        EXPECT_OK(gocluster_svc_decision_function(model, &K, &out, &last_error));
        for (i = 0; i < rows * classes; i++)
            CHECK(fabs(values[i] - expected[i]) < 0.01);
    }
    shape.struct_size = sizeof shape;
    EXPECT_OK(gocluster_svc_get_shape(model, &shape, &last_error));
    CHECK(shape.n_features == rows && shape.n_support_vectors > 0 && shape.n_support_vectors <= rows);
    labels_a = gocluster_vector(labels, GOCLUSTER_I64, classes);
    support_a = gocluster_vector(support, GOCLUSTER_I32, shape.n_support_vectors);
    n_support_a = gocluster_vector(n_support, GOCLUSTER_I32, classes);
    coef_a = gocluster_matrix(coef, GOCLUSTER_F64, classes - 1, shape.n_support_vectors);
    intercept_a = gocluster_vector(intercept, GOCLUSTER_F64, classes);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_CLASSES, &labels_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_SUPPORT, &support_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_N_SUPPORT, &n_support_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_DUAL_COEF, &coef_a, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &intercept_a, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "attribute", gocluster_svc_get(model, GOCLUSTER_SVC_SUPPORT_VECTORS, &coef_a, &last_error));
    EXPECT_OK(gocluster_svc_from_arrays(&p.params, &labels_a, &n_support_a, &support_a, &coef_a, &intercept_a, NULL, NULL, &again, &last_error));
    out = gocluster_matrix(expected, GOCLUSTER_F64, rows, classes);
    EXPECT_OK(gocluster_svc_decision_function(again, &K, &out, &last_error));
    CHECK(memcmp(values, expected, sizeof values) == 0);
    K.shape[1] = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", gocluster_svc_decision_function(model, &K, &out, &last_error));
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", gocluster_svc_decision_function(again, &K, &out, &last_error));
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", gocluster_svc_fit(&p.params, &K, &p.y, NULL, NULL, &again, &last_error));
    support[3] = -1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "support_vectors", gocluster_svc_from_arrays(&p.params, &labels_a, &n_support_a, &support_a,
                                                                                  &coef_a, &intercept_a, NULL, NULL, &again, &last_error));
    REFUSED(GOCLUSTER_ERROR_DTYPE, "support_vectors", gocluster_svc_from_arrays(&p.params, &labels_a, &n_support_a, &coef_a, &coef_a,
                                                                               &intercept_a, NULL, NULL, &again, &last_error));
}

/* Values whose kernel is more than float32 holds. */
static void overflow_asks_for_scaling(void)
{
    static double X[rows * columns];
    gocluster_svc model;
    problem p = three_classes();
    int i;
    for (i = 0; i < rows * columns; i++)
        X[i] = 1e8 * (i % 7 - 3);
    p.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
    p.params.kernel = GOCLUSTER_KERNEL_POLY;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "X", gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, NULL, &model, &last_error));
    CHECK(strstr(last_error.message, "scale the data") != NULL);
}

/* A weight of w is the same as C times w. */
static void weights_multiply_c(void)
{
    static attributes heavy, plain;
    static double w[rows];
    static float each[classes] = {4, 4, 4};
    problem p = three_classes();
    gocluster_array weights = gocluster_vector(w, GOCLUSTER_F64, rows), class_weights = gocluster_vector(each, GOCLUSTER_F32, classes);
    gocluster_svc model;
    int i;
    p.params.C = 4;
    model = fitted(&p);
    get_attributes(model, &plain);
    p.params.C = 1;
    for (i = 0; i < rows; i++)
        w[i] = 4;
    EXPECT_OK(gocluster_svc_fit(&p.params, &p.X, &p.y, &weights, NULL, &model, &last_error));
    get_attributes(model, &heavy);
    CHECK(memcmp(heavy.coef, plain.coef, sizeof heavy.coef) == 0);
    EXPECT_OK(gocluster_svc_fit(&p.params, &p.X, &p.y, NULL, &class_weights, &model, &last_error));
    get_attributes(model, &heavy);
    CHECK(memcmp(heavy.coef, plain.coef, sizeof heavy.coef) == 0);
    /* Rows of weight zero are not there. */
    for (i = 0; i < rows; i++)
        w[i] = i < rows / 2;
    EXPECT_OK(gocluster_svc_fit(&p.params, &p.X, &p.y, &weights, NULL, &model, &last_error));
    get_attributes(model, &heavy);
    for (i = 0; i < heavy.shape.n_support_vectors; i++)
        CHECK(heavy.support[i] < rows / 2);
}

static void a_limit_of_steps_is_reported(void)
{
    static attributes a;
    problem p = three_classes();
    p.params.max_iter = 1;
    get_attributes(fitted(&p), &a);
    CHECK(a.shape.converged == 0);
    CHECK(a.n_iter[0] == 1 && a.n_iter[1] == 1 && a.n_iter[2] == 1);
}

static void attributes_have_one_shape_each(void)
{
    static double room[rows * columns];
    problem p = three_classes();
    gocluster_svc model = fitted(&p);
    gocluster_array out = gocluster_vector(room, GOCLUSTER_F64, 3);
    int32_t attribute;
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &out, &last_error));
    for (attribute = 1; attribute <= 9; attribute++) {
        out = gocluster_vector(room, GOCLUSTER_F32, 3);
        REFUSED(GOCLUSTER_ERROR_DTYPE, "out", gocluster_svc_get(model, attribute, &out, &last_error));
    }
    out = gocluster_vector(room, GOCLUSTER_F64, 4);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &out, &last_error));
    out = gocluster_matrix(room, GOCLUSTER_F64, 3, 1);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &out, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "attribute", gocluster_svc_get(model, 0, &out, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "attribute", gocluster_svc_get(model, 12, &out, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "attribute", gocluster_svc_get(model, INT32_MIN, &out, &last_error));
}

static int32_t make(const problem *p, const attributes *a)
{
    gocluster_svc model;
    return gocluster_svc_from_arrays(&p->params, &a->labels_a, &a->n_support_a, &a->vectors_a, &a->coef_a, &a->intercept_a,
                                     NULL, NULL, &model, &last_error);
}

static void arrays_that_are_no_model(void)
{
    static attributes good, bad;
    problem p = three_classes();
    static const int32_t wrong_counts[] = {-1, INT32_MAX, INT32_MIN, 0};
    size_t i;
    get_attributes(fitted(&p), &good);
    EXPECT_OK(make(&p, &good));

    for (i = 0; i < 4; i++) {
        get_attributes(fitted(&p), &bad);
        bad.n_support[1] = wrong_counts[i];
        REFUSED(GOCLUSTER_ERROR_ARGUMENT, "n_support", make(&p, &bad));
    }
    bad = good, bad.n_support_a.data = bad.n_support, bad.n_support[0]++, bad.n_support[2]--;
    EXPECT_OK(make(&p, &bad)); /* another model, but one */
    bad = good, bad.n_support_a.shape[0] = 2;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "n_support", make(&p, &bad));

    bad = good, bad.labels_a.data = bad.labels, bad.labels[1] = bad.labels[2];
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "classes", make(&p, &bad));
    bad = good, bad.labels_a.shape[0] = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "classes", make(&p, &bad));
    bad = good, bad.labels_a.shape[0] = 1 << 17, bad.labels_a.strides[0] = 0; /* too many for 32-bit numbers of pairs */
    REFUSED(GOCLUSTER_ERROR_SHAPE, "classes", make(&p, &bad));

    bad = good, bad.coef_a.shape[0] = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "dual_coef", make(&p, &bad));
    bad = good, bad.coef_a.shape[1]--;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "dual_coef", make(&p, &bad));
    bad = good, bad.intercept_a.shape[0] = 2;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "intercept", make(&p, &bad));
    bad = good, bad.vectors_a.shape[0] = 1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "n_support", make(&p, &bad));
    bad = good, bad.vectors_a.shape[1] = 0;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "support_vectors", make(&p, &bad));
    bad = good, bad.vectors_a.data = bad.vectors, bad.vectors[7] = HUGE_VAL;
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "support_vectors", make(&p, &bad));
    bad = good, bad.coef_a.data = bad.coef, bad.coef[7] = strtod("nan", NULL);
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "dual_coef", make(&p, &bad));
    bad = good, bad.intercept_a.data = bad.intercept, bad.intercept[2] = -HUGE_VAL;
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "intercept", make(&p, &bad));
    p.params.kernel = 5;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.kernel", make(&p, &good));
}

static void probabilities(void)
{
    static attributes a;
    static double p_own[rows * classes], p_copy[rows * classes], values[rows * classes], prob_a[classes], prob_b[classes];
    problem p = three_classes();
    gocluster_array A = gocluster_vector(prob_a, GOCLUSTER_F64, classes), B = gocluster_vector(prob_b, GOCLUSTER_F64, classes);
    gocluster_array none = gocluster_vector(prob_a, GOCLUSTER_F64, 0);
    gocluster_array own = gocluster_matrix(p_own, GOCLUSTER_F64, rows, classes);
    gocluster_array copy = gocluster_matrix(p_copy, GOCLUSTER_F64, rows, classes);
    gocluster_array decisions = gocluster_matrix(values, GOCLUSTER_F64, rows, classes);
    gocluster_svc model = fitted(&p), again;
    int64_t r, right = 0;
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_PROB_A, &none, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "model", gocluster_svc_predict_proba(model, &p.X, &own, &last_error));
    p.params.probability = 1, p.params.random_state = 3;
    model = fitted(&p);
    get_attributes(model, &a);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_get(model, GOCLUSTER_SVC_PROB_B, &none, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_PROB_A, &A, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_PROB_B, &B, &last_error));
    EXPECT_OK(gocluster_svc_predict_proba(model, &p.X, &own, &last_error));
    EXPECT_OK(gocluster_svc_decision_function(model, &p.X, &decisions, &last_error));
    for (r = 0; r < rows; r++) {
        double sum = 0;
        const double *of = p_own + r * classes;
        int i, j, pair = 0, best = 0;
        for (i = 0; i < classes; i++) {
            sum += of[i];
            best = of[i] > of[best] ? i : best;
            for (j = i + 1; j < classes; j++, pair++) { /* one distribution, which three pairs need not agree on quite */
                double of_pair = 1 / (1 + exp(prob_a[pair] * values[r * classes + pair] + prob_b[pair]));
                CHECK((of[i] + of[j]) * fabs(of_pair - of[i] / (of[i] + of[j])) < 0.25);
            }
        }
        CHECK(fabs(sum - 1) < 1e-12);
        right += names[best] == ((const int64_t *)p.y.data)[r];
    }
    CHECK(right > rows / 2);
    EXPECT_OK(gocluster_svc_from_arrays(&p.params, &a.labels_a, &a.n_support_a, &a.vectors_a, &a.coef_a, &a.intercept_a, &A,
                                        &B, &again, &last_error));
    EXPECT_OK(gocluster_svc_predict_proba(again, &p.X, &copy, &last_error));
    CHECK(memcmp(p_own, p_copy, sizeof p_own) == 0);
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "prob_b",
            gocluster_svc_from_arrays(&p.params, &a.labels_a, &a.n_support_a, &a.vectors_a, &a.coef_a, &a.intercept_a, &A,
                                      NULL, &again, &last_error));
    A.shape[0]--;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "prob_a",
            gocluster_svc_from_arrays(&p.params, &a.labels_a, &a.n_support_a, &a.vectors_a, &a.coef_a, &a.intercept_a, &A,
                                      &B, &again, &last_error));
    own.shape[0]--;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_predict_proba(model, &p.X, &own, &last_error));
}

/* A model without support vectors is its intercepts. */
static void a_model_may_be_empty(void)
{
    static attributes a;
    problem p = three_classes();
    static double values[rows * classes];
    gocluster_array out = gocluster_matrix(values, GOCLUSTER_F64, rows, classes);
    int i;
    get_attributes(fitted(&p), &a);
    for (i = 0; i < classes; i++)
        a.n_support[i] = 0;
    a.vectors_a.shape[0] = a.coef_a.shape[1] = 0;
    a.vectors_a.data = a.coef_a.data = NULL;
    EXPECT_OK(gocluster_svc_decision_function(from_attributes(&p, &a), &p.X, &out, &last_error));
    for (i = 0; i < rows * classes; i++)
        CHECK(values[i] == a.intercept[i % classes]);
}

static const test tests[] = {
    TEST(rbf_attributes_make_the_decision),
    TEST(linear_attributes_make_the_decision),
    TEST(poly_attributes_make_the_decision),
    TEST(sigmoid_attributes_make_the_decision),
    TEST(precomputed_is_the_kernel),
    TEST(overflow_asks_for_scaling),
    TEST(weights_multiply_c),
    TEST(a_limit_of_steps_is_reported),
    TEST(attributes_have_one_shape_each),
    TEST(arrays_that_are_no_model),
    TEST(probabilities),
    TEST(a_model_may_be_empty),
};

MAIN(tests)
