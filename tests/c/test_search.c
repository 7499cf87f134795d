/* gocluster_svc_search: candidates on splits, beside single fits. */
#include "check.h"

enum { ROWS = 200, FOLDS = 4, CANDIDATES = 4, FITS = FOLDS * CANDIDATES, TRAIN = ROWS - ROWS / FOLDS, TEST = ROWS / FOLDS };

/* Every fold holds out each fourth row; two C, two kernels. */
typedef struct grid {
    problem data;
    gocluster_svc_params fits[FITS];
    int32_t split_data[FITS], train_data[FOLDS * TRAIN], test_data[FOLDS * TEST];
    int64_t train_end_data[FOLDS], test_end_data[FOLDS], predicted_data[FITS * TEST];
    double decision_data[FITS * TEST], probability_data[FITS * TEST * 2], report_data[FITS * 3];
    gocluster_array split, train, train_end, test, test_end, predicted, decision, probability, report;
} grid;

static grid *make(void)
{
    static grid g;
    int f, i, n_train = 0, n_test = 0;
    g.data = small_problem();
    for (f = 0; f < FITS; f++) {
        g.fits[f] = g.data.params;
        g.fits[f].C = f / FOLDS % 2 ? 10 : 0.1;
        g.fits[f].probability = f / FOLDS == 1;
        g.fits[f].random_state = 7;
        g.fits[f].kernel = f / FOLDS / 2 ? GOCLUSTER_KERNEL_LINEAR : GOCLUSTER_KERNEL_RBF;
        g.split_data[f] = f % FOLDS;
    }
    for (f = 0; f < FOLDS; f++) {
        for (i = 0; i < ROWS; i++) {
            if (i / 2 % FOLDS == f)
                g.test_data[n_test++] = i;
            else
                g.train_data[n_train++] = i;
        }
        g.train_end_data[f] = n_train;
        g.test_end_data[f] = n_test;
    }
    g.split = gocluster_vector(g.split_data, GOCLUSTER_I32, FITS);
    g.train = gocluster_vector(g.train_data, GOCLUSTER_I32, n_train);
    g.test = gocluster_vector(g.test_data, GOCLUSTER_I32, n_test);
    g.train_end = gocluster_vector(g.train_end_data, GOCLUSTER_I64, FOLDS);
    g.test_end = gocluster_vector(g.test_end_data, GOCLUSTER_I64, FOLDS);
    g.predicted = gocluster_vector(g.predicted_data, GOCLUSTER_I64, FITS * TEST);
    g.decision = gocluster_vector(g.decision_data, GOCLUSTER_F64, FITS * TEST);
    g.probability = gocluster_matrix(g.probability_data, GOCLUSTER_F64, FITS * TEST, 2);
    g.report = gocluster_matrix(g.report_data, GOCLUSTER_F64, FITS, 3);
    return &g;
}

static int32_t run(grid *g)
{
    return gocluster_svc_search(g->fits, FITS, &g->split, &g->data.X, &g->data.y, NULL, NULL, &g->train, &g->train_end,
                                &g->test, &g->test_end, &g->predicted, &g->decision, &g->probability, &g->report,
                                &last_error);
}

/* The decision values of each fit are those of a fit of its rows alone, within what tol leaves open. */
static void as_single_fits(void)
{
    grid *g = make();
    int f, k;
    EXPECT_OK(run(g));
    for (f = 0; f < FITS; f++) {
        double weight_data[ROWS] = {0}, all[ROWS], probabilities[ROWS * 2];
        gocluster_array proba = gocluster_matrix(probabilities, GOCLUSTER_F64, ROWS, 2);
        gocluster_array weight = gocluster_vector(weight_data, GOCLUSTER_F64, ROWS);
        gocluster_array out = gocluster_vector(all, GOCLUSTER_F64, ROWS);
        gocluster_svc model;
        const int32_t *test = g->test_data + (f % FOLDS) * TEST;
        for (k = 0; k < TRAIN; k++)
            weight_data[g->train_data[(f % FOLDS) * TRAIN + k]] = 1;
        EXPECT_OK(gocluster_svc_fit(&g->fits[f], &g->data.X, &g->data.y, &weight, NULL, &model, &last_error));
        EXPECT_OK(gocluster_svc_decision_function(model, &g->data.X, &out, &last_error));
        if (g->fits[f].probability)
            EXPECT_OK(gocluster_svc_predict_proba(model, &g->data.X, &proba, &last_error));
        for (k = 0; k < TEST; k++) {
            double p = g->probability_data[2 * (f * TEST + k)], value = g->decision_data[f * TEST + k];
            CHECK(fabs(value - all[test[k]]) < 0.02);
            CHECK(g->predicted_data[f * TEST + k] == (value > 0 ? -1 : 4));
            CHECK(g->fits[f].probability ? fabs(p - probabilities[2 * test[k]]) < 0.01 : p != p);
        }
        CHECK(g->report_data[3 * f] > 0 && g->report_data[3 * f + 1] <= g->fits[f].tol && g->report_data[3 * f + 2] == 1);
        EXPECT_OK(gocluster_svc_free(model, &last_error));
    }
}

static void outputs_can_be_left_out(void)
{
    grid *g = make();
    int32_t index[FITS * TEST];
    gocluster_array indexes = gocluster_vector(index, GOCLUSTER_I32, FITS * TEST);
    int k;
    EXPECT_OK(run(g));
    EXPECT_OK(gocluster_svc_search(g->fits, FITS, &g->split, &g->data.X, &g->data.y, NULL, NULL, &g->train, &g->train_end,
                                   &g->test, &g->test_end, &indexes, NULL, NULL, NULL, &last_error));
    for (k = 0; k < FITS * TEST; k++)
        CHECK(index[k] == (g->predicted_data[k] == 4));
}

static void weights_of_classes(void)
{
    grid *g = make();
    double weight_data[FITS * 2];
    gocluster_array weight = gocluster_matrix(weight_data, GOCLUSTER_F64, FITS, 2);
    int f, k, more = 0;
    EXPECT_OK(run(g));
    for (k = 0; k < FITS * TEST; k++)
        more -= g->predicted_data[k] == 4;
    for (f = 0; f < FITS; f++) {
        weight_data[2 * f] = 1;
        weight_data[2 * f + 1] = 50;
    }
    EXPECT_OK(gocluster_svc_search(g->fits, FITS, &g->split, &g->data.X, &g->data.y, NULL, &weight, &g->train, &g->train_end,
                                   &g->test, &g->test_end, &g->predicted, NULL, NULL, NULL, &last_error));
    for (k = 0; k < FITS * TEST; k++)
        more += g->predicted_data[k] == 4;
    CHECK(more >= 0);
    weight_data[3] = -1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "class_weight",
            gocluster_svc_search(g->fits, FITS, &g->split, &g->data.X, &g->data.y, NULL, &weight, &g->train, &g->train_end,
                                 &g->test, &g->test_end, &g->predicted, NULL, NULL, NULL, &last_error));
}

static void mistakes(void)
{
    grid *g = make();
    g->test_data[7] = ROWS;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "test", run(g));
    g = make();
    g->train_end_data[1] = g->train_end_data[0] - 1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "train_end", run(g));
    g = make();
    g->test_end_data[FOLDS - 1]--;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "test", run(g));
    g = make();
    g->split_data[3] = FOLDS;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "split", run(g));
    g = make();
    g->fits[5].C = -1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.C", run(g));
    g = make();
    g->fits[5].struct_size -= 8;
    REFUSED(GOCLUSTER_ERROR_STRUCT_SIZE, "fits", run(g));
    g = make();
    g->predicted.shape[0]--;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "predicted", run(g));
    g = make();
    g->decision.data = g->data.X.data;
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "decision", run(g));
    g = make();
    g->train_data[0] = g->train_data[1];
    EXPECT_OK(run(g));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "n_fits",
            gocluster_svc_search(g->fits, 0, &g->split, &g->data.X, &g->data.y, NULL, NULL, &g->train, &g->train_end,
                                 &g->test, &g->test_end, NULL, NULL, NULL, NULL, &last_error));
}

static const test tests[] = {
    TEST(as_single_fits),
    TEST(outputs_can_be_left_out),
    TEST(weights_of_classes),
    TEST(mistakes),
};
MAIN(tests)
