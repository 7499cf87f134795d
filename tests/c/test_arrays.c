/* Arrays: every layout that is allowed gives the same answer, everything else is refused by name. */
#include "check.h"

static int32_t fit_code(const problem *p)
{
    gocluster_svc model;
    int32_t code = gocluster_svc_fit(&p->params, &p->X, &p->y, NULL, NULL, &model, &last_error);
    if (code == GOCLUSTER_OK)
        gocluster_svc_free(model, NULL);
    return code;
}

/* The intercept and the sum of the dual coefficients' squares identify a fit well enough. */
typedef struct summary { double intercept, squares; int64_t support; } summary;

static summary summarise(const problem *p)
{
    gocluster_svc model = fitted(p);
    gocluster_svc_shape shape;
    gocluster_array out;
    double *coef;
    int64_t i;
    summary s;
    shape.struct_size = sizeof shape;
    EXPECT_OK(gocluster_svc_get_shape(model, &shape, &last_error));
    s.support = shape.n_support_vectors;
    out = gocluster_vector(&s.intercept, GOCLUSTER_F64, 1);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &out, &last_error));
    coef = (double *)malloc((size_t)s.support * sizeof *coef);
    out = gocluster_matrix(coef, GOCLUSTER_F64, 1, s.support);
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_DUAL_COEF, &out, &last_error));
    s.squares = 0;
    for (i = 0; i < s.support; i++)
        s.squares += coef[i] * coef[i];
    free(coef);
    EXPECT_OK(gocluster_svc_free(model, &last_error));
    return s;
}

static void check_same(const problem *p, summary want)
{
    summary got = summarise(p);
    CHECK(got.support == want.support);
    CHECK(got.intercept == want.intercept);
    CHECK(got.squares == want.squares);
}

/* Copies X of p to where (i, j) lies at base + i*row + j*column, in items. */
static void lay_out(problem *p, double *base, int64_t row, int64_t column)
{
    const double *X = (const double *)p->X.data;
    int64_t i, j;
    for (i = 0; i < p->X.shape[0]; i++)
        for (j = 0; j < p->X.shape[1]; j++)
            base[i * row + j * column] = X[i * 3 + j];
    p->X.data = base;
    p->X.strides[0] = row * 8;
    p->X.strides[1] = column * 8;
}

static void every_layout_gives_the_same_model(void)
{
    static double room[200 * 3 * 8];
    problem p = small_problem();
    summary want = summarise(&p);
    p = small_problem(), lay_out(&p, room, 1, 200), check_same(&p, want);               /* Fortran order */
    p = small_problem(), lay_out(&p, room, 8, 2), check_same(&p, want);                 /* with steps */
    p = small_problem(), lay_out(&p, room + 199 * 3, -3, 1), check_same(&p, want);      /* rows reversed */
    p = small_problem(), lay_out(&p, room + 2, 3, -1), check_same(&p, want);            /* columns reversed */
    p = small_problem(), lay_out(&p, room + 599, -3, -1), check_same(&p, want);         /* both */
    p = small_problem(), lay_out(&p, room + 599, -1, -200), check_same(&p, want);       /* both, in Fortran order */
}

static void float32_is_read_in_place(void)
{
    static float X32[600];
    problem p = small_problem();
    summary narrow, wide;
    double *X = (double *)p.X.data;
    int i;
    for (i = 0; i < 600; i++)
        X[i] = X32[i] = (float)X[i];
    wide = summarise(&p);
    p.X = gocluster_matrix(X32, GOCLUSTER_F32, 200, 3);
    narrow = summarise(&p);
    CHECK(narrow.support == wide.support);
    CHECK(narrow.intercept - wide.intercept < 2e-3 && wide.intercept - narrow.intercept < 2e-3);
}

static void labels_and_weights_may_be_strided(void)
{
    static int32_t y[200 * 5];
    static float weights[200 * 2];
    static double ones[2] = {1, 1};
    problem p = small_problem();
    summary want = summarise(&p);
    gocluster_array weight = gocluster_vector(weights + 398, GOCLUSTER_F32, 200), each = gocluster_vector(ones, GOCLUSTER_F64, 2);
    gocluster_svc model;
    double intercept;
    gocluster_array out = gocluster_vector(&intercept, GOCLUSTER_F64, 1);
    int i;
    for (i = 0; i < 200; i++) {
        y[5 * i] = (int32_t)((int64_t *)p.y.data)[i];
        weights[2 * i] = 1;
        weights[2 * i + 1] = -7;
    }
    p.y = gocluster_vector(y, GOCLUSTER_I32, 200);
    p.y.strides[0] = 20;
    weight.strides[0] = -8;
    EXPECT_OK(gocluster_svc_fit(&p.params, &p.X, &p.y, &weight, &each, &model, &last_error));
    EXPECT_OK(gocluster_svc_get(model, GOCLUSTER_SVC_INTERCEPT, &out, &last_error));
    CHECK(intercept == want.intercept);
}

static void zero_strides_repeat_a_row(void)
{
    problem p = small_problem();
    summary s;
    p.X.strides[0] = 0;
    s = summarise(&p); /* equal rows cannot be told apart: all are support vectors at the bound */
    CHECK(s.support == 200);
    CHECK(s.squares == 200);
}

static void sizes_that_overflow(void)
{
    static const int64_t strides[] = {INT64_MAX / 8 * 8, INT64_MIN, INT64_MAX / 8 / 199 * 8, INT64_MIN / 8 / 199 * 8,
                                      (INT64_C(1) << 62), -(INT64_C(1) << 62), INT64_C(1) << 56};
    size_t i;
    int axis;
    for (i = 0; i < sizeof strides / sizeof *strides; i++) {
        for (axis = 0; axis < 2; axis++) {
            problem p = small_problem();
            int32_t code;
            p.X.strides[axis] = strides[i];
            code = fit_code(&p);
            /* A range that fits into 64 bits is found to be nobody's memory. */
            CHECK(code == GOCLUSTER_ERROR_STRIDES || code == GOCLUSTER_ERROR_ADDRESS);
            CHECK(strcmp(last_error.argument, "X") == 0);
        }
    }
    {
        problem p = small_problem();
        p.X.shape[0] = INT64_C(1) << 31;
        REFUSED(GOCLUSTER_ERROR_TOO_LARGE, "X", fit_code(&p));
        p.X.shape[0] = INT64_MAX;
        p.X.strides[0] = INT64_MAX;
        REFUSED(GOCLUSTER_ERROR_TOO_LARGE, "X", fit_code(&p));
        p.X.shape[0] = (INT64_C(1) << 31) - 1;
        p.X.strides[0] = INT64_C(1) << 33;
        REFUSED(GOCLUSTER_ERROR_STRIDES, "X", fit_code(&p));
    }
}

static void shapes_that_make_no_sense(void)
{
    static const int64_t lengths[] = {-1, INT64_MIN, 0};
    size_t i;
    problem p = small_problem();
    for (i = 0; i < 3; i++) {
        p = small_problem(), p.X.shape[0] = lengths[i];
        REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code(&p));
        p = small_problem(), p.X.shape[1] = lengths[i];
        REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code(&p));
        p = small_problem(), p.y.shape[0] = lengths[i];
        REFUSED(GOCLUSTER_ERROR_SHAPE, "y", fit_code(&p));
    }
    p = small_problem(), p.X.ndim = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code(&p));
    p = small_problem(), p.X.ndim = 3;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code(&p));
    p = small_problem(), p.X.ndim = -2147483647 - 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "X", fit_code(&p));
    p = small_problem(), p.y.ndim = 2;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "y", fit_code(&p));
    p = small_problem(), p.y.shape[0] = 199;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "y", fit_code(&p));
}

static void strides_that_split_items(void)
{
    problem p = small_problem();
    p.X.strides[0] = 12;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "X", fit_code(&p));
    p = small_problem(), p.X.strides[1] = -1;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "X", fit_code(&p));
    p = small_problem(), p.y.strides[0] = 4;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "y", fit_code(&p));
    p = small_problem(), p.X.data = (char *)p.X.data + 4;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "X", fit_code(&p));
    p = small_problem(), p.y.data = (char *)p.y.data + 1;
    REFUSED(GOCLUSTER_ERROR_STRIDES, "y", fit_code(&p));
}

static void dtypes_that_are_not_known(void)
{
    static const int32_t codes[] = {0, 6, -1, 0x01000000, 0x02000000 /* F64 in foreign byte order */, INT32_MAX, INT32_MIN};
    size_t i;
    problem p = small_problem();
    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        p = small_problem(), p.X.dtype = codes[i];
        REFUSED(GOCLUSTER_ERROR_DTYPE, "X", fit_code(&p));
        p = small_problem(), p.y.dtype = codes[i];
        REFUSED(GOCLUSTER_ERROR_DTYPE, "y", fit_code(&p));
    }
    p = small_problem(), p.X.dtype = GOCLUSTER_I64;
    REFUSED(GOCLUSTER_ERROR_DTYPE, "X", fit_code(&p));
    p = small_problem(), p.y.dtype = GOCLUSTER_F64;
    REFUSED(GOCLUSTER_ERROR_DTYPE, "y", fit_code(&p));
}

static void data_of_empty_arrays_is_never_touched(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    static const uintptr_t anything[] = {0, 1, 8, UINTPTR_MAX, (uintptr_t)0xdeadbeefdeadbeefu};
    size_t i;
    for (i = 0; i < sizeof anything / sizeof *anything; i++) {
        gocluster_array X = gocluster_matrix((void *)anything[i], GOCLUSTER_F64, 0, 3);
        gocluster_array out = gocluster_vector((void *)anything[i], GOCLUSTER_I64, 0);
        X.strides[0] = INT64_MIN;
        out.strides[0] = -1;
        EXPECT_OK(gocluster_svc_predict(model, &X, &out, &last_error));
        out = gocluster_matrix((void *)anything[i], GOCLUSTER_F64, 0, 1);
        EXPECT_OK(gocluster_svc_decision_function(model, &X, &out, &last_error));
        X.shape[0] = 200;
        X.shape[1] = 0;
        REFUSED(GOCLUSTER_ERROR_SHAPE, "X", gocluster_svc_predict(model, &X, &out, &last_error));
    }
}

static void outputs_may_not_overlap_inputs(void)
{
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    char *X = (char *)p.X.data;
    gocluster_array out = gocluster_vector(X, GOCLUSTER_F64, 200);
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "out", gocluster_svc_decision_function(model, &p.X, &out, &last_error));
    out = gocluster_vector(X + 600 * 8 - 8, GOCLUSTER_I64, 200); /* the last element only */
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "out", gocluster_svc_predict(model, &p.X, &out, &last_error));
    p.X.data = X + 199 * 24; /* reversed: it begins below its data pointer */
    p.X.strides[0] = -24;
    out = gocluster_vector(X, GOCLUSTER_I32, 200);
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "out", gocluster_svc_predict(model, &p.X, &out, &last_error));
}

static void outputs_are_contiguous(void)
{
    static double room[1000];
    problem p = small_problem();
    gocluster_svc model = fitted(&p);
    gocluster_array out = gocluster_vector(room, GOCLUSTER_F64, 200);
    static const int64_t strides[] = {0, -8, 16, 4, INT64_MAX, INT64_MIN};
    size_t i;
    for (i = 0; i < 6; i++) {
        out.data = room + 500;
        out.strides[0] = strides[i];
        EXPECT(GOCLUSTER_ERROR_STRIDES, gocluster_svc_decision_function(model, &p.X, &out, &last_error));
    }
    out = gocluster_vector(room, GOCLUSTER_F64, 199);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_decision_function(model, &p.X, &out, &last_error));
    out = gocluster_vector(room, GOCLUSTER_F32, 200);
    REFUSED(GOCLUSTER_ERROR_DTYPE, "out", gocluster_svc_decision_function(model, &p.X, &out, &last_error));
    REFUSED(GOCLUSTER_ERROR_DTYPE, "out", gocluster_svc_predict(model, &p.X, &out, &last_error));
    out = gocluster_matrix(room, GOCLUSTER_F64, 200, 2);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_svc_decision_function(model, &p.X, &out, &last_error));
}

static const test tests[] = {
    TEST(every_layout_gives_the_same_model),
    TEST(float32_is_read_in_place),
    TEST(labels_and_weights_may_be_strided),
    TEST(zero_strides_repeat_a_row),
    TEST(sizes_that_overflow),
    TEST(shapes_that_make_no_sense),
    TEST(strides_that_split_items),
    TEST(dtypes_that_are_not_known),
    TEST(data_of_empty_arrays_is_never_touched),
    TEST(outputs_may_not_overlap_inputs),
    TEST(outputs_are_contiguous),
};

MAIN(tests)
