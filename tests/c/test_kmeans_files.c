/* k-means on rows in files: what comes out, and what is refused. */
#include "check.h"

#include <unistd.h>

enum { rows = 6, columns = 2, k = 2 };

static double X[rows * columns] = {1, 2, 1, 4, 1, 0, 10, 2, 10, 4, 10, 0};
static double centers[k * columns];
static int32_t labels[rows];

typedef struct call {
    gocluster_kmeans_params params;
    gocluster_file file[2];
    int64_t files;
    gocluster_array layout, centers, labels;
    const gocluster_array *weights;
    const char *labels_path;
    gocluster_kmeans_result result;
    char folder[64], raw[80], npy[80], out[80];
} call;

/* small_call writes the rows, raw behind five bytes, to a folder that done removes. */
static void small_call(call *c)
{
    FILE *file;
    memset(c, 0, sizeof *c);
    strcpy(c->folder, "/tmp/gocluster-XXXXXX");
    CHECK(mkdtemp(c->folder) != NULL);
    sprintf(c->raw, "%s/raw", c->folder);
    sprintf(c->npy, "%s/x.npy", c->folder);
    sprintf(c->out, "%s/labels.npy", c->folder);
    file = fopen(c->raw, "wb");
    CHECK(file != NULL && fwrite("12345", 1, 5, file) == 5 && fwrite(X, sizeof X, 1, file) == 1 && fclose(file) == 0);
    EXPECT_OK(gocluster_kmeans_params_init(&c->params, sizeof c->params, &last_error));
    CHECK(c->params.init == GOCLUSTER_INIT_PLUSPLUS && c->params.oversampling_factor == 2);
    CHECK(c->params.init_max_iter == 0 && c->params.memory_limit == 0);
    c->params.n_clusters = k;
    c->params.init = GOCLUSTER_INIT_SCALABLE;
    c->layout = gocluster_matrix(NULL, GOCLUSTER_F64, rows, columns);
    c->file[0].path = c->raw;
    c->file[0].layout = &c->layout;
    c->file[0].offset = 5;
    c->files = 1;
    c->centers = gocluster_matrix(centers, GOCLUSTER_F64, k, columns);
    c->labels = gocluster_vector(labels, GOCLUSTER_I32, rows);
    c->result.struct_size = sizeof c->result;
}

static void done(call *c)
{
    unlink(c->raw);
    unlink(c->npy);
    unlink(c->out);
    CHECK(rmdir(c->folder) == 0); /* nothing else is in it */
}

static int32_t finish(int32_t code, gocluster_job job)
{
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, NULL, &last_error);
    EXPECT_OK(gocluster_job_free(job, &last_error));
    return code;
}

static int32_t fit(call *c)
{
    gocluster_job job;
    return finish(gocluster_kmeans_fit_npy_start(&c->params, c->file, c->files, c->weights, NULL, NULL, &c->centers, &c->labels,
                                                 c->labels_path, NULL, &c->result, &job, &last_error), job);
}

static void check_clusters(const call *c)
{
    int i;
    CHECK(c->result.inertia == 16 && c->result.n_distinct == 2 && c->result.n_passes >= c->result.n_iter);
    for (i = 0; i < rows; i++)
        CHECK(labels[i] == labels[i / 3 * 3]);
    CHECK(centers[labels[0] * columns] == 1 && centers[labels[3] * columns] == 10);
}

static void fits_and_predicts(void)
{
    call c;
    gocluster_job job;
    gocluster_array written = gocluster_vector(labels, GOCLUSTER_I32, rows);
    int32_t before[rows];
    small_call(&c);
    EXPECT_OK(fit(&c));
    check_clusters(&c);
    memcpy(before, labels, sizeof labels);
    memset(labels, 0xff, sizeof labels);
    c.labels_path = c.out;
    EXPECT_OK(finish(gocluster_kmeans_predict_npy_start(c.file, 1, NULL, &c.centers, NULL, c.out, 0, &c.result, &job,
                                                        &last_error), job));
    CHECK(c.result.inertia == 16 && c.result.n_passes == 1);
    EXPECT_OK(gocluster_npy_read(c.out, 0, &written, &last_error));
    CHECK(memcmp(before, labels, sizeof labels) == 0);
    done(&c);
}

static void several_files(void)
{
    call c;
    gocluster_array part;
    small_call(&c);
    c.layout.shape[0] = 4;
    c.file[1] = c.file[0];
    part = gocluster_matrix(NULL, GOCLUSTER_F64, 2, columns);
    c.file[1].layout = &part;
    c.file[1].offset = 5 + 4 * columns * (int64_t)sizeof(double);
    c.files = 2;
    EXPECT_OK(fit(&c));
    check_clusters(&c);
    part.dtype = GOCLUSTER_F32;
    REFUSED(GOCLUSTER_ERROR_IO, "", fit(&c));
    done(&c);
}

static void one_npy_file(void)
{
    call c;
    FILE *file;
    double start[k * columns] = {10, 2, 1, 2};
    gocluster_array init = gocluster_matrix(start, GOCLUSTER_F64, k, columns);
    static const char head[] = "\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (6, 2), }          \n";
    small_call(&c);
    file = fopen(c.npy, "wb");
    CHECK(file != NULL && fwrite(head, 1, 80, file) == 80 && fwrite(X, sizeof X, 1, file) == 1 && fclose(file) == 0);
    EXPECT_OK(gocluster_kmeans_fit_npy(&c.params, c.npy, &init, &c.centers, &c.labels, c.out, &c.result, &last_error));
    check_clusters(&c);
    CHECK(labels[0] == 1 && c.result.n_iter == 1 && c.result.n_passes == 2);
    done(&c);
}

static void bad_arguments_are_refused(void)
{
    call c;
    gocluster_array weights;
    small_call(&c);
    c.params.init = GOCLUSTER_INIT_PLUSPLUS;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "init", fit(&c));
    c.params.init = GOCLUSTER_INIT_RANDOM;
    EXPECT_OK(fit(&c));
    c.params.n_init = 2;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.n_init", fit(&c));
    c.params.n_init = 1;
    c.params.memory_limit = 1000;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.memory_limit", fit(&c));
    c.params.memory_limit = -1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "params.memory_limit", fit(&c));
    c.params.memory_limit = 0;
    c.files = 0;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "n_files", fit(&c));
    c.files = 1;
    c.file[0].path = NULL;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "files.path", fit(&c));
    c.file[0].path = "/nowhere/at/all";
    REFUSED(GOCLUSTER_ERROR_IO, "", fit(&c));
    c.file[0].path = c.raw;
    c.file[0].offset = 6; /* a byte more than there is */
    REFUSED(GOCLUSTER_ERROR_IO, "", fit(&c));
    c.file[0].offset = -5;
    REFUSED(GOCLUSTER_ERROR_IO, "", fit(&c));
    c.file[0].offset = 5;
    c.file[0].layout = NULL; /* not a .npy file */
    REFUSED(GOCLUSTER_ERROR_IO, "", fit(&c));
    c.file[0].layout = &c.layout;
    c.layout.ndim = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "files.layout", fit(&c));
    c.layout.ndim = 2;
    c.layout.dtype = 99;
    REFUSED(GOCLUSTER_ERROR_DTYPE, "files.layout", fit(&c));
    c.layout.dtype = GOCLUSTER_F64;
    c.layout.shape[1] = 1;
    REFUSED(GOCLUSTER_ERROR_SHAPE, "centers", fit(&c));
    c.layout.shape[1] = columns;
    c.labels.shape[0] = rows - 1;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "labels", fit(&c));
    c.labels.shape[0] = rows;
    c.labels_path = "/nowhere/labels.npy";
    REFUSED(GOCLUSTER_ERROR_IO, "", fit(&c));
    c.labels_path = NULL;
    c.labels.data = centers;
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "labels", fit(&c));
    c.labels.data = labels;
    weights = gocluster_vector(centers, GOCLUSTER_F32, rows);
    c.weights = &weights;
    REFUSED(GOCLUSTER_ERROR_OVERLAP, "centers", fit(&c));
    c.weights = NULL;
    EXPECT_OK(fit(&c));
    done(&c);
}

static const test tests[] = {
    TEST(fits_and_predicts), TEST(several_files), TEST(one_npy_file), TEST(bad_arguments_are_refused),
};
MAIN(tests)
