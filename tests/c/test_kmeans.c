/* k-means: a clustering by hand, what is written where, and what is refused. */
#include "check.h"

enum { rows = 6, columns = 2, k = 2 };

/* Two triples of rows. */
static double X[rows * columns] = {1, 2, 1, 4, 1, 0, 10, 2, 10, 4, 10, 0};
static double centers[k * columns];
static int32_t labels[rows];

typedef struct call {
    gocluster_kmeans_params params;
    gocluster_array X, centers, labels;
    gocluster_kmeans_result result;
} call;

static call small_call(void)
{
    call c;
    EXPECT_OK(gocluster_kmeans_params_init(&c.params, sizeof c.params, &last_error));
    CHECK(c.params.n_clusters == 8 && c.params.n_init == 1 && c.params.max_iter == 300 && c.params.tol == 1e-4);
    c.params.n_clusters = k;
    c.X = gocluster_matrix(X, GOCLUSTER_F64, rows, columns);
    c.centers = gocluster_matrix(centers, GOCLUSTER_F64, k, columns);
    c.labels = gocluster_vector(labels, GOCLUSTER_I32, rows);
    c.result.struct_size = sizeof c.result;
    return c;
}

static int32_t fit(call *c, const gocluster_array *weight, const gocluster_array *init)
{
    return gocluster_kmeans_fit(&c->params, &c->X, weight, init, &c->centers, &c->labels, &c->result, &last_error);
}

/* finish ends a job that was started, and returns its code. */
static int32_t finish(gocluster_job job)
{
    int32_t code = gocluster_job_wait(job, -1, NULL, &last_error);
    EXPECT_OK(gocluster_job_free(job, &last_error));
    return code;
}

static void fits_and_predicts(void)
{
    double new_rows[4] = {0, 0, 12, 3}, out[2 * k];
    int32_t predicted[2];
    gocluster_array P = gocluster_matrix(new_rows, GOCLUSTER_F64, 2, columns);
    gocluster_array p = gocluster_vector(predicted, GOCLUSTER_I32, 2), o = gocluster_matrix(out, GOCLUSTER_F64, 2, k);
    gocluster_job job;
    call c = small_call();
    int i, left;
    c.params.n_init = 10;
    EXPECT_OK(fit(&c, NULL, NULL));
    CHECK(c.result.inertia == 16 && c.result.converged == 1 && c.result.n_distinct == 2 && c.result.n_iter >= 2);
    left = labels[0];
    for (i = 0; i < rows; i++)
        CHECK(labels[i] == (i < 3 ? left : 1 - left));
    CHECK(centers[left * columns] == 1 && centers[left * columns + 1] == 2 && centers[(1 - left) * columns] == 10);
    EXPECT_OK(gocluster_kmeans_predict(&P, &c.centers, &p, &last_error));
    CHECK(predicted[0] == left && predicted[1] == 1 - left);
    EXPECT_OK(gocluster_kmeans_transform_start(&P, &c.centers, &o, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(fabs(out[left] - sqrt(5)) < 1e-12 && fabs(out[k + 1 - left] - sqrt(5)) < 1e-12);
}

static void scalable_starts(void)
{
    call c = small_call();
    int i;
    c.params.init = GOCLUSTER_INIT_SCALABLE;
    EXPECT_OK(fit(&c, NULL, NULL));
    CHECK(c.result.inertia == 16);
    for (i = 0; i < rows; i++)
        CHECK(labels[i] == labels[i / 3 * 3]);
    c.params.oversampling_factor = 0;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.oversampling_factor", fit(&c, NULL, NULL));
    c = small_call();
    c.params.init = 7;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.init", fit(&c, NULL, NULL));
}

static void starts_from_given_centres_with_weights(void)
{
    double start[k * columns] = {10, 2, 1, 2}, weight[rows] = {2, 0, 0, 1, 1, 1}, trace[3 * 3];
    gocluster_array init = gocluster_matrix(start, GOCLUSTER_F64, k, columns);
    gocluster_array w = gocluster_vector(weight, GOCLUSTER_F64, rows), t = gocluster_matrix(trace, GOCLUSTER_F64, 3, 3);
    gocluster_job job;
    call c = small_call();
    EXPECT_OK(fit(&c, &w, &init));
    CHECK(labels[0] == 1 && labels[3] == 0 && c.result.inertia == 8);
    CHECK(centers[2] == 1 && centers[3] == 2);
    EXPECT_OK(gocluster_kmeans_fit_start(&c.params, &c.X, NULL, &init, NULL, &c.centers, &c.labels, &t, NULL, &job, &last_error));
    EXPECT_OK(finish(job));
    /* The centres are right at once: nothing moves. */
    CHECK(trace[0] == 16 && trace[1] == 0 && trace[2] == 3 && trace[5] == 0);
}

static void draws_choose_rows(void)
{
    double draws[3] = {0.99, 0.5, 0.1};
    int64_t chosen[k] = {-1, -1};
    gocluster_array d = gocluster_vector(draws, GOCLUSTER_F64, 3), i = gocluster_vector(chosen, GOCLUSTER_I64, k);
    gocluster_job job;
    call c = small_call();
    EXPECT_OK(gocluster_kmeans_plusplus_start(&c.X, NULL, &d, &i, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(chosen[0] == 5 && chosen[1] >= 0 && chosen[1] < 3);
    draws[1] = 1;
    EXPECT_OK(gocluster_kmeans_plusplus_start(&c.X, NULL, &d, &i, &job, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "draws", finish(job));
}

static void blocks_add_up(void)
{
    double start[k * columns] = {1, 2, 10, 2}, sums[k * columns], total[k * columns] = {0}, mass[k], mean[columns], variance[1];
    double inertia = 0, far[2], none[rows] = {0};
    int32_t near[2];
    int64_t counts[k], found[2];
    gocluster_array c = gocluster_matrix(start, GOCLUSTER_F64, k, columns), s = gocluster_matrix(sums, GOCLUSTER_F64, k, columns);
    gocluster_array m = gocluster_vector(mass, GOCLUSTER_F64, k), n = gocluster_vector(counts, GOCLUSTER_I64, k);
    gocluster_array e = gocluster_vector(mean, GOCLUSTER_F64, columns), v = gocluster_vector(variance, GOCLUSTER_F64, 1);
    gocluster_array r = gocluster_vector(found, GOCLUSTER_I64, 2), f = gocluster_vector(far, GOCLUSTER_F64, 2);
    gocluster_array l = gocluster_vector(near, GOCLUSTER_I32, 2), w = gocluster_vector(none, GOCLUSTER_F64, rows);
    gocluster_kmeans_result result;
    gocluster_job job;
    call whole = small_call();
    int block, i;
    result.struct_size = sizeof result;
    for (block = 0; block < 3; block++) {
        gocluster_array X2 = gocluster_matrix(X + 2 * block * columns, GOCLUSTER_F64, 2, columns);
        gocluster_array labels2 = gocluster_vector(labels + 2 * block, GOCLUSTER_I32, 2);
        EXPECT_OK(gocluster_kmeans_block_start(&X2, NULL, &c, block == 1 ? NULL : &labels2, &s, &m, &n, &result, &job, &last_error));
        EXPECT_OK(finish(job));
        CHECK(counts[0] + counts[1] == 2 && mass[0] == counts[0]);
        inertia += result.inertia;
        for (i = 0; i < k * columns; i++)
            total[i] += sums[i];
    }
    CHECK(inertia == 16 && total[0] == 3 && total[1] == 6 && total[2] == 30 && total[3] == 6);
    CHECK(labels[0] == 0 && labels[5] == 1);
    EXPECT_OK(gocluster_kmeans_survey_start(&whole.X, &e, &v, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(mean[0] == 5.5 && mean[1] == 2 && fabs(variance[0] - (20.25 + 8. / 3) / 2) < 1e-12);
    EXPECT_OK(gocluster_kmeans_farthest_start(&whole.X, &c, &r, &f, &l, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(far[0] == 4 && far[1] == 4 && found[0] == 1 && found[1] == 2 && near[0] == 0);
    EXPECT_OK(gocluster_kmeans_block_start(&whole.X, &w, &c, NULL, &s, &m, &n, NULL, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(mass[0] == 0 && counts[1] == 0 && sums[0] == 0);
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "sums", gocluster_kmeans_block_start(&whole.X, NULL, &c, NULL, &c, &m, &n, NULL, &job, &last_error));
    n.data = mass;
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "counts", gocluster_kmeans_block_start(&whole.X, NULL, &c, NULL, &s, &m, &n, NULL, &job, &last_error));
    REFUSED(GOCLUSTER_ERROR_SHAPE, "mass", gocluster_kmeans_block_start(&whole.X, NULL, &c, NULL, &s, &v, &n, NULL, &job, &last_error));
}

static void rounds_find_rows(void)
{
    double fresh[2 * columns] = {1, 2, 10, 2}, closest[rows], draws[rows], costs[rows], all[rows], far[1];
    int32_t nearest[rows];
    int64_t chosen[rows], found = 0;
    gocluster_array c = gocluster_matrix(fresh, GOCLUSTER_F64, 1, columns), l = gocluster_vector(closest, GOCLUSTER_F64, rows);
    gocluster_array n = gocluster_vector(nearest, GOCLUSTER_I32, rows), r = gocluster_vector(chosen, GOCLUSTER_I64, rows);
    gocluster_array d = gocluster_vector(draws, GOCLUSTER_F64, rows), v = gocluster_vector(costs, GOCLUSTER_F64, rows);
    gocluster_array f = gocluster_vector(&found, GOCLUSTER_I64, 1), a = gocluster_vector(all, GOCLUSTER_F64, rows);
    gocluster_array one = gocluster_vector(far, GOCLUSTER_F64, 1);
    gocluster_kmeans_result result;
    gocluster_job job;
    call call = small_call();
    int i;
    result.struct_size = sizeof result;
    EXPECT_OK(gocluster_kmeans_round_start(&call.X, NULL, &c, 0, &l, &n, 0.25, 1, 100, 1e9, &r, &d, &v, &f, &result, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(result.inertia == 8 + 243 + 8 && closest[3] == 81 && nearest[3] == 0);
    CHECK(found == 5 && chosen[0] == 1); /* all but the candidate */
    EXPECT_OK(gocluster_kmeans_draws(0.25, 1, 100, &a, &last_error));
    for (i = 0; i < 5; i++)
        CHECK(draws[i] == all[chosen[i]] && costs[i] == closest[chosen[i]]);
    EXPECT_OK(gocluster_kmeans_draws(0.25, 1, 103, &one, &last_error));
    CHECK(far[0] == all[3]);
    c.data = fresh + columns;
    EXPECT_OK(gocluster_kmeans_round_start(&call.X, NULL, &c, 1, &l, &n, 0.25, 2, 100, 0, NULL, NULL, NULL, NULL, &result, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(result.inertia == 16 && nearest[0] == 0 && nearest[3] == 1 && closest[3] == 0);
    EXPECT_OK(gocluster_kmeans_round_start(&call.X, NULL, NULL, 2, &l, &n, 0.25, 2, 100, 0, &r, &d, &v, &f, &result, &job, &last_error));
    EXPECT_OK(finish(job));
    CHECK(result.inertia == 16 && found == 0);
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "fresh", gocluster_kmeans_round_start(&call.X, NULL, NULL, 0, &l, &n, 0.25, 2, 100, 0, &r, &d, &v, &f, &result, &job, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "key", gocluster_kmeans_round_start(&call.X, NULL, &c, 0, &l, &n, 1, 2, 100, 0, &r, &d, &v, &f, &result, &job, &last_error));
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "costs", gocluster_kmeans_round_start(&call.X, NULL, &c, 0, &l, &n, 0, 2, 100, 0, &r, &d, &l, &f, &result, &job, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "first_row", gocluster_kmeans_draws(0, 1, -1, &a, &last_error));
}

static void any_strides_are_read(void)
{
    double by_columns[rows * columns];
    call c = small_call();
    int i, j;
    for (i = 0; i < rows; i++)
        for (j = 0; j < columns; j++)
            by_columns[j * rows + i] = X[i * columns + j];
    c.X.data = by_columns;
    c.X.strides[0] = sizeof(double);
    c.X.strides[1] = rows * (int64_t)sizeof(double);
    c.params.n_init = 10;
    EXPECT_OK(fit(&c, NULL, NULL));
    CHECK(c.result.inertia == 16);
}

static void bad_arguments_are_refused(void)
{
    double negative[rows] = {1, 1, 1, 1, 1, -1}, start[k * columns] = {0, 0, 0, NAN};
    gocluster_array w = gocluster_vector(negative, GOCLUSTER_F64, rows);
    gocluster_array init = gocluster_matrix(start, GOCLUSTER_F64, k, columns);
    call c = small_call();
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "sample_weight", fit(&c, &w, NULL));
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "init", fit(&c, NULL, &init));
    init.shape[0] = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "init", fit(&c, NULL, &init));
    c.params.n_clusters = rows + 1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.n_clusters", fit(&c, NULL, NULL));
    c = small_call();
    c.params.max_iter = 0;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.max_iter", fit(&c, NULL, NULL));
    c = small_call();
    c.params.tol = NAN;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.tol", fit(&c, NULL, NULL));
    c = small_call();
    c.params.n_init = 0;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.n_init", fit(&c, NULL, NULL));
    c = small_call();
    c.labels.shape[0] = rows - 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "labels", fit(&c, NULL, NULL));
    c = small_call();
    c.centers.data = X;
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "centers", fit(&c, NULL, NULL));
    c = small_call();
    c.result.struct_size = 3;
    REFUSED(GOCLUSTER_ERROR_STRUCT_SIZE, "result", fit(&c, NULL, NULL));
    X[3] = INFINITY;
    c = small_call();
    REFUSED(GOCLUSTER_ERROR_NOT_FINITE, "X", fit(&c, NULL, NULL));
}

static const test tests[] = {
    TEST(fits_and_predicts),    TEST(starts_from_given_centres_with_weights),
    TEST(draws_choose_rows),    TEST(any_strides_are_read),
    TEST(blocks_add_up),        TEST(rounds_find_rows),        TEST(scalable_starts),
    TEST(bad_arguments_are_refused),
};
MAIN(tests)
